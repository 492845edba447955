using System.Text.Json;
using System.Text.Json.Serialization;
using KlingPS.Core.Model;

namespace KlingPS.Core.Ledger.Sql;

/// <summary>
/// The parameters of a video that have no column of their own, as JSON in one column, so that a new one needs no migration. A version
/// that does not know one ignores it.
/// </summary>
internal sealed record MoreParameters
{
    private static readonly MoreParameters s_none = new();

    /// <summary>The SHA-256 of the tail image, in lower-case hex.</summary>
    [JsonPropertyName("tailHash")]
    public string? TailHash { get; init; }

    public static MoreParameters From(VideoSpec spec) => new() { TailHash = spec.TailImage?.Hash };

    /// <summary>The spec with these parameters.</summary>
    public VideoSpec AddTo(VideoSpec spec) => TailHash is null || spec.TailImage is null ? spec : spec with { TailImage = spec.TailImage with { Hash = TailHash } };

    public static MoreParameters Read(string? json) => json is null ? s_none : JsonSerializer.Deserialize(json, ParametersContext.Default.MoreParameters) ?? s_none;

    /// <returns><see langword="null"/> if there are none.</returns>
    public string? Write() => this == s_none ? null : JsonSerializer.Serialize(this, ParametersContext.Default.MoreParameters);
}

/// <summary>Compiled serialization, as reflection would cost every purchase.</summary>
[JsonSourceGenerationOptions(DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(MoreParameters))]
internal sealed partial class ParametersContext : JsonSerializerContext;
