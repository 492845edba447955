namespace KlingPS.Core.Sessions;

/// <summary>Whose key a session has, as far as that is known.</summary>
internal sealed record AccountStanding
{
    /// <summary>The account: the fingerprint of the key that it was first known by.</summary>
    public required string Account { get; init; }

    /// <summary>What the service calls the account; <see langword="null"/> until an upload has shown it.</summary>
    public string? Number { get; init; }

    /// <summary>Whether nothing is left to be found out.</summary>
    public bool IsSettled { get; init; }

    /// <summary>The services that the account is known at, see <see cref="Api.ServiceAddress"/>: addresses that lead to it.</summary>
    public IReadOnlyList<string> Services { get; init; } = [];

    /// <summary>The other accounts that have bought at the same service, or at another address that may lead to it.</summary>
    public IReadOnlyList<OtherAccount> Others { get; init; } = [];

    /// <summary>When the service was last asked, by <see cref="TimeProvider.GetTimestamp"/>; <see langword="null"/> if it was not.</summary>
    public long? AskedAt { get; init; }
}

/// <summary>An account that has bought with another key, or at another address.</summary>
/// <param name="Account">The account.</param>
/// <param name="Doubt">Why it could not be found out whether it is the same account; <see langword="null"/> if it is another one.</param>
/// <param name="Elsewhere">The address, if it has not bought at the one in use; else <see langword="null"/>.</param>
internal sealed record OtherAccount(string Account, string? Doubt, string? Elsewhere = null)
{
    /// <summary>
    /// Whether what it has bought may count: what another account has bought at the same service does, but not what was bought at an address that is
    /// known to lead to another account, because that is usually another service.
    /// </summary>
    public bool MayCount => Elsewhere is null || Doubt is not null;

    /// <summary>How a sentence names who has bought something.</summary>
    public override string ToString() => Doubt is null
        ? "another account of this service"
        : Elsewhere is null ? "another key"
        : $"a key of another address, {Elsewhere}";

    /// <summary>What is not certain about that, as a sentence that follows; begins with a blank. Empty if nothing is.</summary>
    public string Remark => Doubt is null ? string.Empty
        : Elsewhere is null ? $" Whether that key belongs to the same account could not be found out: {Doubt}."
        : $" Whether that address leads to the same account could not be found out: {Doubt}.";
}
