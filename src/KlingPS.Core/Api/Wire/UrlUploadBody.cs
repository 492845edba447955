using System.Text.Json.Serialization;

namespace KlingPS.Core.Api.Wire;

/// <summary>The body of <c>file-url-upload</c>.</summary>
internal sealed record UrlUploadBody(
    [property: JsonPropertyName("fileUrl")] string FileUrl,
    [property: JsonPropertyName("uploadPath")] string UploadPath,
    [property: JsonPropertyName("fileName")] string? FileName);
