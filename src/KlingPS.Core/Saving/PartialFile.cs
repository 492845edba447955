using System.Buffers;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace KlingPS.Core.Saving;

/// <summary>
/// The video as far as it has come: <c>&lt;target&gt;.partial</c>, held exclusively while this object lives, and
/// <c>&lt;target&gt;.partial.json</c>, which says what it is part of. Whatever the disk refuses is thrown as
/// <see cref="ErrorKind.DestinationUnusable"/>, so an <see cref="IOException"/> around it is one of the network.
/// </summary>
internal sealed class PartialFile : IDisposable
{
    private const int BufferSize = 128 * 1024;

    private readonly string _target;
    private readonly string _path;
    private readonly string _statePath;
    private readonly string _video;
    private readonly FileStream _file;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private bool _published;

    private PartialFile(string target, string path, string video, FileStream file)
    {
        _target = target;
        _path = path;
        _statePath = path + ".json";
        _video = video;
        _file = file;
        State = new PartialState(video, null, null, null);
    }

    /// <summary>What the bytes on disk are part of.</summary>
    public PartialState State { get; private set; }

    /// <summary>How many bytes are on disk.</summary>
    public long Length { get; private set; }

    /// <summary>Whether all bytes are on disk that the server has announced.</summary>
    public bool IsFull => Length > 0 && Length == State.Total;

    /// <summary>Opens what an earlier run left of this video, or begins anew.</summary>
    /// <returns>The file; or <see langword="null"/> while another download holds it.</returns>
    public static async Task<PartialFile?> OpenAsync(string target, string identity, CancellationToken cancellationToken)
    {
        string path = target + ".partial";
        string video = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(identity)));
        if (Guard(target, () => Open(target, path)) is not FileStream file)
        {
            return null;
        }

        var partial = new PartialFile(target, path, video, file);
        try
        {
            await partial.LoadAsync(cancellationToken).ConfigureAwait(false);
            return partial;
        }
        catch
        {
            partial.Dispose();
            throw;
        }
    }

    /// <summary>Drops what is there and remembers what comes next.</summary>
    public void Restart(string? entityTag = null, DateTimeOffset? lastModified = null, long? total = null) => Guard(() =>
    {
        // In this order a kill at any moment leaves no bytes beside a state they do not belong to. A state that is
        // written by half does not parse.
        File.Delete(_statePath);
        _file.SetLength(0);
        Length = 0;
        _hash.GetHashAndReset();
        State = new PartialState(_video, entityTag, lastModified, total);
        if (State.CanContinue)
        {
            File.WriteAllBytes(_statePath, JsonSerializer.SerializeToUtf8Bytes(State, DownloadJsonContext.Default.PartialState));
        }
    });

    public void Append(ReadOnlySpan<byte> bytes)
    {
        _hash.AppendData(bytes);
        try
        {
            _file.Position = Length;
            _file.Write(bytes);
        }
        catch (Exception e) when (IsDiskFault(e))
        {
            throw Unusable(_target, e);
        }

        Length += bytes.Length;
    }

    /// <summary>What is wrong with the bytes on disk, in words that complete "the file …"; null if they are the whole video.</summary>
    public string? FindProblem() => Guard(_target, () =>
        State.Total is { } total && Length != total ? $"has {Length} bytes instead of {total}" : Mp4Structure.FindProblem(_file));

    /// <summary>Makes sure that the bytes are on disk. Returns their SHA-256.</summary>
    public string Seal()
    {
        Guard(() => _file.Flush(flushToDisk: true));
        return Convert.ToHexString(_hash.GetCurrentHash()).ToLowerInvariant();
    }

    /// <summary>Gives the video its name.</summary>
    public void Publish(bool overwrite)
    {
        try
        {
            File.Move(_path, _target, overwrite);
        }
        catch (IOException) when (!overwrite && File.Exists(_target))
        {
            throw Exists(_target);
        }
        catch (Exception e) when (IsDiskFault(e))
        {
            throw Unusable(_target, e);
        }

        // Whoever sees the name may read the file.
        _published = true;
        _file.Dispose();
        TryDelete(_statePath);
    }

    public void Dispose()
    {
        // What could not be continued is of no use. Still locked, so this cannot hit the file of another download.
        if ((Length == 0 || !State.CanContinue) && !_published)
        {
            TryDelete(_statePath);
            TryDelete(_path);
        }

        _file.Dispose();
        _hash.Dispose();
    }

    public static KlingException Exists(string target) =>
        new(ErrorKind.FileExists, $"The file '{target}' exists already. Choose another name or allow it to be overwritten.");

    private static FileStream? Open(string target, string path)
    {
        if (Directory.Exists(target))
        {
            throw new IOException("A folder has this name.");
        }

        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        FileStream file;
        try
        {
            file = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.OpenOrCreate,
                Access = FileAccess.ReadWrite,

                // Both are exclusive. On Windows an open file can be renamed only if it shares deletion; elsewhere only
                // None takes the lock.
                Share = OperatingSystem.IsWindows() ? FileShare.Delete : FileShare.None,
                BufferSize = 0,
            });
        }
        catch (IOException e) when (IsHeldByAnother(e))
        {
            return null;
        }

        // The lock comes a moment after the opening: in between, another download may have finished, and this be its video.
        if (!File.Exists(path))
        {
            file.Dispose();
            return null;
        }

        return file;
    }

    private async Task LoadAsync(CancellationToken cancellationToken)
    {
        Length = Guard(_target, () => _file.Length);
        if (Length == 0 || ReadState() is not { } state || state.Video != _video || !state.CanContinue || Length > (state.Total ?? long.MaxValue))
        {
            Restart();
            return;
        }

        State = state;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            for (int read; (read = await _file.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0;)
            {
                _hash.AppendData(buffer, 0, read);
            }
        }
        catch (Exception e) when (IsDiskFault(e))
        {
            throw Unusable(_target, e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private PartialState? ReadState()
    {
        try
        {
            PartialState? state = JsonSerializer.Deserialize(File.ReadAllBytes(_statePath), DownloadJsonContext.Default.PartialState);
            return state?.EntityTag is null || EntityTagHeaderValue.TryParse(state.EntityTag, out _) ? state : null;
        }
        catch (Exception e) when (e is JsonException || IsDiskFault(e))
        {
            return null;
        }
    }

    private void Guard(Action work) => Guard(_target, () =>
    {
        work();
        return true;
    });

    private static T Guard<T>(string target, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception e) when (IsDiskFault(e))
        {
            throw Unusable(target, e);
        }
    }

    /// <summary>ERROR_SHARING_VIOLATION, and EWOULDBLOCK as Linux and macOS number it.</summary>
    private static bool IsHeldByAnother(IOException e) =>
        OperatingSystem.IsWindows() ? e.HResult == unchecked((int)0x80070020) : e.HResult is 11 or 35;

    private static bool IsDiskFault(Exception e) => e is IOException or UnauthorizedAccessException or NotSupportedException;

    private static KlingException Unusable(string target, Exception cause) =>
        new(ErrorKind.DestinationUnusable, $"The video cannot be written to '{target}': {cause.Message}", cause);

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (IsDiskFault(e))
        {
            // A file left over costs nothing: without the other one it is never used.
        }
    }
}
