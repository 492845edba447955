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

    /// <summary>The other accounts that have bought at the same service.</summary>
    public IReadOnlyList<OtherAccount> Others { get; init; } = [];

    /// <summary>When the service was last asked, by <see cref="TimeProvider.GetTimestamp"/>; <see langword="null"/> if it was not.</summary>
    public long? AskedAt { get; init; }
}

/// <summary>An account that has bought at the same service, with another key.</summary>
/// <param name="Account">The account.</param>
/// <param name="Doubt">Why it could not be found out whether it is the same account; <see langword="null"/> if it is another one.</param>
internal sealed record OtherAccount(string Account, string? Doubt)
{
    /// <summary>How a sentence names who has bought something.</summary>
    public override string ToString() => Doubt is null
        ? "another account of this service"
        : $"another key, and whether that belongs to the same account could not be found out ({Doubt})";
}
