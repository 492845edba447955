using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using KlingPS.Core.Files;
using KlingPS.Core.Network;

namespace KlingPS.Core.Saving;

/// <summary>
/// The part of the video that is there so far: <c>&lt;target&gt;.partial</c>, held exclusively while this object lives, and
/// <c>&lt;target&gt;.partial.json</c>, which says what it is part of. Errors of the disk are thrown as
/// <see cref="ErrorKind.DestinationUnusable"/>, so that an <see cref="IOException"/> of a download comes from the network.
/// </summary>
internal sealed class PartialFile : IDisposable
{
    /// <summary>The end of the name of a partial file.</summary>
    public const string Ending = ".partial";

    /// <summary>The longest ending that is added to the name of a video.</summary>
    public const string LongestEnding = Ending + StateEnding;

    private const string StateEnding = ".json";

    private const int BufferSize = 256 * 1024;

    /// <summary>How many zeros at the end of a partial file do not count as part of the video: a disk sector.</summary>
    private const int ZerosOfDisk = 512;

    /// <summary>How long between two attempts to open a file that another download holds.</summary>
    private static readonly TimeSpan s_heldPause = TimeSpan.FromSeconds(0.5);

    /// <summary>How many pauses pass before a message says so: most downloads do not take two seconds.</summary>
    private const int ToldAfterPauses = 4;

    private readonly string _path;
    private readonly string _statePath;
    private readonly string _video;
    private readonly FileStream _file;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private Task _hashing = Task.CompletedTask;
    private bool _isPublished;

    /// <summary>Whether a path has the name of an unfinished download, or of its state.</summary>
    public static bool IsOne(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return path.EndsWith(Ending, StringComparison.OrdinalIgnoreCase) || path.EndsWith(LongestEnding, StringComparison.OrdinalIgnoreCase);
    }

    private PartialFile(string target, string path, string video, FileStream file)
    {
        Target = target;
        _path = path;
        _statePath = path + StateEnding;
        _video = video;
        _file = file;
        State = new PartialState(video, null, null, null);
    }

    /// <summary>The full path of the file the video becomes.</summary>
    public string Target { get; }

    /// <summary>What the video is made from, for messages about requests.</summary>
    public string? Subject { get; set; }

    /// <summary>What the bytes on disk are part of.</summary>
    public PartialState State { get; private set; }

    /// <summary>How many bytes are on disk.</summary>
    public long Length { get; private set; }

    /// <summary>Whether all the bytes that the server has announced are on disk.</summary>
    public bool IsFull => Length > 0 && Length == State.Total;

    /// <summary>Opens what an earlier run left of this video, or starts from the beginning, as soon as no other download holds it.</summary>
    /// <param name="target">The full path of the file the video becomes. Its folder is created if it is missing.</param>
    /// <param name="identity">What identifies the video however its link changes, such as the task's id: a part of another video is not continued.</param>
    /// <param name="requireFree">Throws when the target must not be written, such as <see cref="CreateExistsException"/>.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="onHeld">Called once if another download holds it for longer than a moment.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.DestinationUnusable"/>: the target cannot be written.</exception>
    public static async Task<PartialFile> OpenAsync(
        string target,
        string identity,
        Func<Task> requireFree,
        TimeProvider time,
        CancellationToken cancellationToken,
        Action? onHeld = null)
    {
        if (!Path.IsPathFullyQualified(target))
        {
            throw new ArgumentException("The target must be a full path.", nameof(target));
        }

        for (int pauses = 0; ; pauses++)
        {
            await requireFree().ConfigureAwait(false);
            if (await TryOpenAsync(target, identity, cancellationToken).ConfigureAwait(false) is PartialFile partial)
            {
                try
                {
                    // Checked once more: another download may have finished before this one got hold of the partial file.
                    await requireFree().ConfigureAwait(false);
                    return partial;
                }
                catch
                {
                    partial.Dispose();
                    throw;
                }
            }

            if (pauses == ToldAfterPauses)
            {
                onHeld?.Invoke();
            }

            await Task.Delay(s_heldPause, time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static async Task<PartialFile?> TryOpenAsync(string target, string identity, CancellationToken cancellationToken)
    {
        string path = target + Ending;
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

    /// <summary>Completes when all added bytes are hashed. Until then, nothing may be done with this file other than adding more.</summary>
    public Task Hashing => _hashing;

    /// <summary>Drops what is on disk and remembers what comes next.</summary>
    public void Restart(string? entityTag = null, DateTimeOffset? lastModified = null, long? total = null) => Guard(() =>
    {
        // In this order, being killed at any moment leaves no bytes beside a state that they do not belong to, or without any state.
        _file.SetLength(0);
        Length = 0;
        File.Delete(_statePath);
        _hash.GetHashAndReset();
        State = new PartialState(_video, entityTag, lastModified, total);
        State.Write(_statePath);
    });

    /// <summary>Adds bytes to those on disk, and begins to hash them. One call at a time.</summary>
    /// <param name="bytes">The bytes. They must not change before the next call has ended, or <see cref="Hashing"/>.</param>
    public async Task AppendAsync(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            RequireUntouched();
            _file.Position = Length;
            _file.Write(bytes.Span);
        }
        catch (Exception exception) when (IsDiskFault(exception))
        {
            throw CreateUnusableException(Target, exception);
        }

        Length += bytes.Length;

        // In the background, while the caller gets the next bytes: hashing takes as long as everything else.
        await _hashing.ConfigureAwait(false);
        _hashing = Task.Run(() => _hash.AppendData(bytes.Span));
    }

    /// <summary>Copies the content of another file of this machine, all of it or nothing.</summary>
    /// <param name="source">The full path of a video.</param>
    /// <param name="sha256">The SHA-256 it must have, in lower-case hex.</param>
    /// <param name="cancellationToken">Stops the copying.</param>
    /// <returns>Whether the source still had that content.</returns>
    /// <exception cref="IOException">The source cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">The source may not be read.</exception>
    public async Task<bool> CopyFromAsync(string source, string sha256, CancellationToken cancellationToken)
    {
        bool isWhole = false;
        FileStream stream = OrdinaryFile.Open(source, options: FileOptions.Asynchronous | FileOptions.SequentialScan);
        await using (stream.ConfigureAwait(false))
        {
            Restart();
            try
            {
                await ReadAsync(
                    stream,
                    async bytes =>
                    {
                        await AppendAsync(bytes).ConfigureAwait(false);
                        await Hashing.ConfigureAwait(false);
                    },
                    cancellationToken).ConfigureAwait(false);
                return isWhole = CurrentHash() == sha256;
            }
            finally
            {
                if (!isWhole)
                {
                    Restart();
                }
            }
        }
    }

    /// <summary>What is wrong with the bytes on disk, in words that complete "the file …"; null if they are the whole video.</summary>
    public string? FindProblem() => Guard(Target, () =>
    {
        RequireUntouched();
        if (Length == 0)
        {
            return "is empty";
        }

        if (State.Total is { } total && Length != total)
        {
            return $"has {Length} bytes instead of {total}";
        }

        return Mp4Structure.FindProblem(_file) is string problem ? FindForeign() ?? problem : null;
    });

    /// <summary>What the file is if it is text of any kind; <see langword="null"/> if it is not.</summary>
    private string? FindForeign()
    {
        byte[] head = new byte[ForeignContent.HeadLength];
        _file.Position = 0;
        int count = _file.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        return ForeignContent.Describe(head.AsSpan(0, count)) is string foreign ? $"is {foreign} and not an MP4 video" : null;
    }

    /// <summary>
    /// Remembers that the whole video is there and verified, if the next run could not tell: one whose server says nothing that it could be continued
    /// by would be fetched again if this run were to end before the video has its name.
    /// </summary>
    public void MarkWhole()
    {
        if (State.Sha256 is not null || (State.CanContinue && IsFull))
        {
            return;
        }

        try
        {
            if (IsOwnState())
            {
                PartialState whole = State with { Total = Length, Sha256 = CurrentHash() };
                whole.Replace(_statePath);
                State = whole;
            }
        }
        catch (Exception exception) when (IsDiskFault(exception))
        {
            // The video itself may still get its name.
        }
    }

    /// <summary>Makes sure that the bytes are on disk.</summary>
    /// <returns>Their SHA-256, in lower-case hex.</returns>
    public async Task<string> SealAsync()
    {
        // It waits for the disk, so it gets a thread of its own: the threads of the pool are few, and receive other videos in the meantime.
        await Task.Factory.StartNew(
            () => Guard(() => _file.Flush(flushToDisk: true)),
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default).ConfigureAwait(false);
        return CurrentHash();
    }

    private string CurrentHash() => Convert.ToHexString(_hash.GetCurrentHash()).ToLowerInvariant();

    /// <summary>Gives the video its name.</summary>
    /// <param name="overwrite">Whether it may replace a file.</param>
    /// <exception cref="KlingException"><see cref="ErrorKind.FileExists"/>, or <see cref="ErrorKind.DestinationUnusable"/>.</exception>
    public void Publish(bool overwrite)
    {
        try
        {
            RequireUntouched();
            VideoTarget.RequireNoObstacle(Target);
            if (FindName() != NameOwner.Own)
            {
                throw new IOException($"'{_path}' was moved, removed or replaced while the video was downloaded.");
            }

            if (overwrite)
            {
                File.Move(_path, Target, overwrite);
            }
            else
            {
                OwnFile.MoveNew(_path, Target);
            }
        }
        catch (IOException) when (!overwrite && IsTaken(Target))
        {
            throw CreateExistsException(Target);
        }
        catch (Exception exception) when (IsDiskFault(exception))
        {
            throw CreateUnusableException(Target, exception);
        }

        // The file must not stay locked once it has its name: it may be read from now on.
        _isPublished = true;
        _file.Dispose();
        DeleteState();
    }

    public void Dispose()
    {
        // A part that is of no use to a later run goes. It is still locked, so this cannot be the file of another download.
        NameOwner owner = _isPublished ? NameOwner.Other : FindName();
        if (owner == NameOwner.Nobody || (owner == NameOwner.Own && (Length == 0 || !State.IsOfUse)))
        {
            OwnFile.TryDelete(_path);
            DeleteState();
        }

        _file.Dispose();
        _hash.Dispose();
    }

    /// <summary>Refuses a file that another program has shortened or extended: what was hashed is not what is on disk. Nothing of it is kept.</summary>
    private void RequireUntouched()
    {
        if (_file.Length != Length)
        {
            _file.SetLength(0);
            Length = 0;
            throw new IOException($"Another program wrote to '{_path}' while the video was downloaded.");
        }
    }

    /// <summary>Deletes the state, unless something else has its name by now.</summary>
    private void DeleteState()
    {
        if (IsOwnState())
        {
            OwnFile.TryDelete(_statePath);
        }
    }

    private bool IsOwnState() => PartialState.Read(_statePath)?.Video == _video;

    /// <summary>What has the name of the partial file now.</summary>
    private NameOwner FindName()
    {
        try
        {
            return FileFacts.OfName(_path) is null ? NameOwner.Nobody : OwnFile.IsNamed(_file, _path) ? NameOwner.Own : NameOwner.Other;
        }
        catch (Exception exception) when (IsDiskFault(exception))
        {
            return NameOwner.Other;
        }
    }

    /// <summary>The error of a target that must not be replaced.</summary>
    public static KlingException CreateExistsException(string target) =>
        new(ErrorKind.FileExists, $"The file '{target}' exists already. Choose another name or allow it to be overwritten.");

    /// <summary>The same if the video was saved and the content of its file has changed since.</summary>
    public static KlingException CreateChangedException(string target, long number) =>
        new(ErrorKind.FileExists, $"The video of task {number} was saved to '{target}', and the file there is not that video any more: it was damaged, cut off or changed. Move it away, or allow it to be overwritten, and the video is fetched again without being bought again.");

    /// <summary>Whether anything has this name, even a link to nothing.</summary>
    public static bool IsTaken(string target) => FileFacts.TryOfName(target) is not null;

    private static FileStream? Open(string target, string path)
    {
        VideoTarget.RequireNoObstacle(target);
        OwnFile.CreateFolder(Path.GetDirectoryName(target)!, FileReaders.Umask);
        return OpenOwn(path, FileReaders.Umask);
    }

    /// <summary>Refuses anything that has the name of a partial file or of its state but is neither; writes nothing.</summary>
    /// <param name="target">The full path of the video.</param>
    /// <exception cref="IOException">It is something else, or a file of the user's own.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static void RequireOwn(string target)
    {
        string path = target + Ending;
        using FileStream? part = OpenOwn(path, readers: null);
        if (part is null && FileFacts.OfName(path) is null)
        {
            RequireState(path, isPart: false);
        }
    }

    /// <summary>Opens a partial file, as <see cref="OwnFile.TryOpenExclusive"/> does. One with content is ours if there is a state beside it.</summary>
    private static FileStream? OpenOwn(string path, FileReaders? readers)
    {
        FileStream? file = OwnFile.TryOpenExclusive(path, readers);
        try
        {
            if (file is not null)
            {
                RequireState(path, isPart: file.Length > 0);
            }

            return file;
        }
        catch
        {
            file?.Dispose();
            throw;
        }
    }

    private static void RequireState(string path, bool isPart)
    {
        string statePath = path + StateEnding;
        FileFacts? state = FileFacts.OfName(statePath);
        if (state is not null)
        {
            OwnFile.Require(state, statePath);
        }

        if (isPart && state is null)
        {
            throw new IOException($"'{path}' exists, and nothing beside it says that it is part of a video. Move it away.");
        }

        if (IsForeign(statePath, isPart))
        {
            throw new IOException($"'{statePath}' exists, but does not describe part of a video. Move it away.");
        }
    }

    /// <summary>Whether something other than a state is in its place. A download that has just ended may remove its state during the check.</summary>
    private static bool IsForeign(string statePath, bool isPart)
    {
        FileFacts? seen = FileFacts.OfName(statePath);
        while (seen is { Length: > 0 } && PartialState.IsForeign(statePath, isPart))
        {
            FileFacts? now = FileFacts.OfName(statePath);
            if (now == seen)
            {
                return true;
            }

            seen = now;
        }

        return false;
    }

    private async Task LoadAsync(CancellationToken cancellationToken)
    {
        PartialState? state = PartialState.Read(_statePath) is { IsOfUse: true } found && found.Video == _video ? found : null;

        // A whole video may end with zeros; whether it is whole still, its hash says.
        Length = Guard(Target, () => state?.Sha256 is null ? CutZeros() : _file.Length);
        if (Length == 0 || state is null || Length > (state.Total ?? long.MaxValue))
        {
            Restart();
            return;
        }

        State = state;
        try
        {
            await ReadAsync(
                _file,
                bytes =>
                {
                    _hash.AppendData(bytes.Span);
                    return Task.CompletedTask;
                },
                cancellationToken).ConfigureAwait(false);
        }
        catch (Exception exception) when (IsDiskFault(exception))
        {
            throw CreateUnusableException(Target, exception);
        }

        if (state.Sha256 is string whole && CurrentHash() != whole)
        {
            Restart();
        }
    }

    /// <summary>Cuts zeros off the end: after a power failure, they may be where bytes had not reached the disk.</summary>
    /// <returns>How many bytes are left.</returns>
    private long CutZeros()
    {
        long written = _file.Length;
        long length = written;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            for (int last = -1; last < 0 && length > 0;)
            {
                Span<byte> block = buffer.AsSpan(0, (int)Math.Min(length, BufferSize));
                length -= block.Length;
                _file.Position = length;
                _file.ReadExactly(block);
                last = block.LastIndexOfAnyExcept((byte)0);
                length += last + 1;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        if (written - length >= ZerosOfDisk)
        {
            _file.SetLength(length);
            written = length;
        }

        _file.Position = 0;
        return written;
    }

    private static async Task ReadAsync(FileStream stream, Func<ReadOnlyMemory<byte>, Task> takeAsync, CancellationToken cancellationToken)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            for (int count; (count = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0;)
            {
                await takeAsync(buffer.AsMemory(0, count)).ConfigureAwait(false);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Whose a name is.</summary>
    private enum NameOwner
    {
        /// <summary>Nothing has it.</summary>
        Nobody,

        /// <summary>The file that is open.</summary>
        Own,

        /// <summary>Something else has it, or that cannot be found out.</summary>
        Other,
    }

    private void Guard(Action work) => Guard(Target, () =>
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
        catch (Exception exception) when (IsDiskFault(exception))
        {
            throw CreateUnusableException(target, exception);
        }
    }

    private static bool IsDiskFault(Exception exception) => exception is IOException or UnauthorizedAccessException or NotSupportedException;

    private static KlingException CreateUnusableException(string target, Exception cause) =>
        new(ErrorKind.DestinationUnusable, $"The video cannot be written to '{target}': {cause.Message}", cause);
}
