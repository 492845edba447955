using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization;
using KlingPS.Core.Files;

namespace KlingPS.Core.Saving;

/// <summary>What the file beside a partial video remembers, so that a later run can tell whether it may continue.</summary>
/// <param name="Video">The SHA-256 of the video's identity; links may hold signatures, which do not belong on disk.</param>
/// <param name="EntityTag">The strong entity tag with its quotes, if the server gave one.</param>
/// <param name="LastModified">The date to continue by if there is no entity tag.</param>
/// <param name="Total">The length of the video in bytes, if known.</param>
/// <param name="Sha256">The SHA-256 of the video in lower-case hex, if all of it is there and verified, and nothing else would say so.</param>
internal sealed record PartialState(string Video, string? EntityTag, DateTimeOffset? LastModified, long? Total, string? Sha256 = null)
{
    /// <summary>In bytes; a longer file was not written by this class.</summary>
    private const int MaxLength = 64 * 1024;

    /// <summary>Whether the server can be asked for the rest without risking the rest of something else.</summary>
    [JsonIgnore]
    public bool CanContinue => EntityTag is not null || LastModified is not null;

    /// <summary>Whether a later run can use the part: it continues it, or needs nothing more.</summary>
    [JsonIgnore]
    public bool IsOfUse => CanContinue || Sha256 is not null;

    /// <summary>Reads a state.</summary>
    /// <returns>The state; <see langword="null"/> if there is none that can be used.</returns>
    public static PartialState? Read(string path)
    {
        try
        {
            PartialState? state = JsonSerializer.Deserialize(OrdinaryFile.ReadAllBytes(path, MaxLength), PartialStateContext.Default.PartialState);
            return state?.EntityTag is null || EntityTagHeaderValue.TryParse(state.EntityTag, out _) ? state : null;
        }
        catch (Exception exception) when (exception is JsonException or IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return null;
        }
    }

    /// <summary>Whether a file is not such a state but belongs to somebody else.</summary>
    /// <param name="path">The file.</param>
    /// <param name="isPart">Whether there is a part beside it. If so, an unreadable file is a state that was damaged when the machine failed.</param>
    public static bool IsForeign(string path, bool isPart)
    {
        try
        {
            using var json = JsonDocument.Parse(OrdinaryFile.ReadAllBytes(path, MaxLength));
            return json.RootElement.ValueKind == JsonValueKind.Object ? !json.RootElement.TryGetProperty(nameof(Video), out _) : !isPart;
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException or IOException or UnauthorizedAccessException or NotSupportedException)
        {
            // The second if a name contains half a character: the parser does not look inside names.
            return !isPart;
        }
    }

    /// <summary>Writes the state to a new file. One that was only half written does not parse.</summary>
    /// <exception cref="IOException">Something has this name already, or it cannot be written.</exception>
    public void Write(string path)
    {
        using FileStream file = OwnFile.Create(path, FileReaders.Owner, share: FileShare.Read);
        try
        {
            file.Write(ToJson());
        }
        catch
        {
            // The disk is full. Half a state would be taken for somebody else's file.
            file.Dispose();
            OwnFile.TryDelete(path);
            throw;
        }
    }

    /// <summary>Writes the state in the place of an earlier one of the same part, which stays if this fails: without any state, the part would be taken for somebody else's file.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public void Replace(string path) => OwnFile.Replace(path, ToJson(), FileReaders.Owner);

    private byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this, PartialStateContext.Default.PartialState);
}

/// <summary>How the state is written as JSON.</summary>
[JsonSerializable(typeof(PartialState))]
internal sealed partial class PartialStateContext : JsonSerializerContext;
