using System.Buffers.Binary;

namespace KlingPS.Core.Ledger.Sqlite;

/// <summary>The <c>-wal</c> of a SQLite file, see https://sqlite.org/fileformat.html#the_write_ahead_log; read without SQLite, which would write what is in it to whatever file it lies beside.</summary>
internal static class WriteAheadLog
{
    private const uint Magic = 0x377F0682;
    private const int HeaderLength = 32;
    private const int FrameHeaderLength = 24;
    private const int LeastPageSize = 1 << 9;
    private const int MostPageSize = 1 << 16;

    /// <summary>A number that it gets whenever it is begun anew; <see langword="null"/> if there is none.</summary>
    /// <param name="path">The path of the -wal.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static ulong? FindSalt(string path)
    {
        using FileStream? file = Open(path);
        byte[] header = new byte[HeaderLength];
        return file is not null && Fill(file, header) ? SaltOf(header, 16) : null;
    }

    /// <summary>
    /// The marks of the ledger's file in the order in which they were committed. Only what SQLite would read counts: whatever comes after a
    /// frame that is incomplete, or left from earlier, does not.
    /// </summary>
    /// <param name="path">The path of the -wal.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be read.</exception>
    public static IEnumerable<LedgerMark> ReadMarks(string path)
    {
        using FileStream? file = Open(path);
        byte[] header = new byte[HeaderLength];
        if (file is null || !Fill(file, header) || (Word(header, 0) & ~1u) != Magic || Word(header, 8) is not (>= LeastPageSize and <= MostPageSize and uint pageSize))
        {
            yield break;
        }

        bool isBigEndian = (Word(header, 0) & 1) != 0;
        Checksum sum = default(Checksum).Add(header.AsSpan(0, 24), isBigEndian);
        if (!sum.IsAt(header, 24))
        {
            yield break;
        }

        byte[] frame = new byte[FrameHeaderLength + pageSize];
        LedgerMark? mark = null;
        while (Fill(file, frame) && SaltOf(frame, 8) == SaltOf(header, 16))
        {
            sum = sum.Add(frame.AsSpan(0, 8), isBigEndian).Add(frame.AsSpan(FrameHeaderLength), isBigEndian);
            if (!sum.IsAt(frame, 16))
            {
                yield break;
            }

            if (Word(frame, 0) == 1)
            {
                mark = LedgerHeader.Parse(frame.AsSpan(FrameHeaderLength)).Mark;
            }

            bool isCommit = Word(frame, 4) != 0;
            if (isCommit && mark is LedgerMark committed)
            {
                mark = null;
                yield return committed;
            }
        }
    }

    private static FileStream? Open(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, MostPageSize);
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private static bool Fill(FileStream file, byte[] bytes) => file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false) == bytes.Length;

    private static uint Word(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32BigEndian(bytes[offset..]);

    private static ulong SaltOf(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt64BigEndian(bytes[offset..]);

    /// <summary>The checksum of everything up to a place in the file.</summary>
    private readonly record struct Checksum(uint First, uint Second)
    {
        public Checksum Add(ReadOnlySpan<byte> bytes, bool isBigEndian)
        {
            (uint first, uint second) = (First, Second);
            for (; bytes.Length >= 8; bytes = bytes[8..])
            {
                first += Read(bytes) + second;
                second += Read(bytes[4..]) + first;
            }

            return new Checksum(first, second);

            uint Read(ReadOnlySpan<byte> word) => isBigEndian ? BinaryPrimitives.ReadUInt32BigEndian(word) : BinaryPrimitives.ReadUInt32LittleEndian(word);
        }

        public bool IsAt(ReadOnlySpan<byte> bytes, int offset) => First == Word(bytes, offset) && Second == Word(bytes, offset + 4);
    }
}
