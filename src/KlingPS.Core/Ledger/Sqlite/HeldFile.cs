using KlingPS.Core.Files;
using Microsoft.Win32.SafeHandles;

namespace KlingPS.Core.Ledger.Sqlite;

/// <summary>The ledger's file as it was when it was opened: tells whether the file of that name, with its -wal, is still the same.</summary>
internal sealed class HeldFile : IDisposable
{
    private static readonly object s_lock = new();
    private static readonly Dictionary<FileId, Openings> s_openings = [];

    private readonly string _path;
    private readonly string _wal;
    private readonly SafeFileHandle _handle;
    private readonly FileId? _id;
    private FileId? _walId;
    private bool _isDisposed;

    /// <summary>Opens the file.</summary>
    /// <param name="path">The full path that the user knows.</param>
    /// <param name="target">The same with its links resolved: SQLite keeps the -wal beside that.</param>
    /// <exception cref="IOException">It cannot be opened.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public HeldFile(string path, string target)
    {
        _path = path;
        _wal = target + "-wal";
        _handle = File.OpenHandle(target, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        _id = FileFacts.Of(_handle).Id;
        if (_id is FileId id)
        {
            lock (s_lock)
            {
                if (!s_openings.TryGetValue(id, out Openings? openings))
                {
                    s_openings.Add(id, openings = new Openings());
                }

                openings.Count++;
            }
        }
    }

    /// <summary>Whether the file holds all that was recorded, without its -wal.</summary>
    public bool IsComplete => !Header.Mark.IsMoreInWal;

    /// <summary>What the file says about itself.</summary>
    public LedgerHeader Header => LedgerHeader.Read(_handle);

    /// <summary>The beginning of the file.</summary>
    public byte[] ReadStart(int length)
    {
        byte[] bytes = new byte[length];
        return bytes[..RandomAccess.Read(_handle, bytes, 0)];
    }

    /// <summary>Remembers the -wal, which is there from the first transaction on and stays until the last connection is closed.</summary>
    public void NoteWal() => _walId = FileFacts.OfName(_wal)?.Id;

    /// <summary>Checks whether the file of this name is still the one that was opened.</summary>
    /// <returns>What has happened to it, as a clause; <see langword="null"/> if it is the same.</returns>
    public string? FindProblem()
    {
        if (_id is null)
        {
            // This file system does not tell files apart.
            return null;
        }

        try
        {
            FileFacts? named = FileFacts.Of(_path);
            if (named is null)
            {
                return FileFacts.Of(_handle).Names == 0
                    ? "its file was removed while this shell had it open"
                    : "its file, or a folder it is in, was moved or renamed while this shell had it open";
            }

            if (named.Id != _id)
            {
                return "there is another file now, such as a restored backup, while this shell has the earlier one open";
            }

            FileId? wal = FileFacts.OfName(_wal)?.Id;
            return wal == _walId ? null
                : wal is null ? $"the file '{_wal}', which is a part of it, was removed while this shell had it open"
                : $"another file '{_wal}' lies there now, while this shell has the earlier one open, which is a part of the ledger";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"its file can no longer be accessed ({e.Message.TrimEnd('.')})";
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        if (_id is not FileId id)
        {
            _handle.Dispose();
            return;
        }

        // On Unix, closing any handle of a file removes the locks that SQLite holds on it for others in this process that have it open.
        lock (s_lock)
        {
            Openings openings = s_openings[id];
            openings.Closed.Add(_handle);
            if (--openings.Count == 0)
            {
                openings.Closed.ForEach(handle => handle.Dispose());
                s_openings.Remove(id);
            }
        }
    }

    private sealed class Openings
    {
        public int Count { get; set; }

        public List<SafeFileHandle> Closed { get; } = [];
    }
}
