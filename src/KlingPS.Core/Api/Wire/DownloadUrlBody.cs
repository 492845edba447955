using System.Text.Json.Serialization;

namespace KlingPS.Core.Api.Wire;

/// <summary>The body of <c>download-url</c>.</summary>
internal sealed record DownloadUrlBody([property: JsonPropertyName("url")] string Url);
