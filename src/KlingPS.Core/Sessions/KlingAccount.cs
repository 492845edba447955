namespace KlingPS.Core.Sessions;

/// <summary>Who is connected to what. Never holds the key.</summary>
public sealed record KlingAccount
{
    /// <summary>The service's address.</summary>
    public required Uri Endpoint { get; init; }

    /// <summary>The address uploads go to.</summary>
    public required Uri UploadEndpoint { get; init; }

    /// <summary>Where the key came from.</summary>
    public required string KeySource { get; init; }

    /// <summary>A fingerprint of key and endpoint, which does not reveal the key. An account has as many as it has keys.</summary>
    public required string Fingerprint { get; init; }

    /// <summary>Whether the service is the local sandbox, where nothing costs money.</summary>
    public bool IsSandbox { get; init; }

    /// <summary>Credits left; <see langword="null"/> when the service was not asked.</summary>
    public decimal? Credits { get; init; }

    /// <summary>The service's address and where the key came from.</summary>
    public override string ToString() => $"{Endpoint} ({KeySource})";
}
