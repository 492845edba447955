using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace KlingPS.Core.Ledger.Sqlite;

/// <summary>What the first bytes of a SQLite file say, see https://sqlite.org/fileformat.html; read without SQLite, which would see the file together with its -wal.</summary>
/// <param name="IsDatabase">Whether it is a SQLite file at all.</param>
/// <param name="ApplicationId">Which program it belongs to; 0 if the file does not say, as in ledgers of earlier versions.</param>
/// <param name="Mark">What the file says of its <c>-wal</c>.</param>
internal readonly record struct LedgerHeader(bool IsDatabase, uint ApplicationId, LedgerMark Mark)
{
    /// <summary>The application id of a ledger: <c>Klng</c>.</summary>
    public const uint Application = 0x4B6C6E67;

    private const int Length = 100;
    private const int MarkOffset = 60;
    private const int ApplicationOffset = 68;

    /// <summary>Reads the header of a file.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static LedgerHeader Read(SafeFileHandle file)
    {
        Span<byte> bytes = stackalloc byte[Length];
        return RandomAccess.Read(file, bytes, 0) < Length ? default : Parse(bytes);
    }

    /// <summary>Reads the header from the first page of a file, as the file or its -wal has it.</summary>
    public static LedgerHeader Parse(ReadOnlySpan<byte> page) => !page.StartsWith("SQLite format 3\0"u8) ? default : new LedgerHeader(
        true,
        BinaryPrimitives.ReadUInt32BigEndian(page[ApplicationOffset..]),
        new LedgerMark(BinaryPrimitives.ReadUInt32BigEndian(page[MarkOffset..])));

    /// <summary>Gives a file that nobody has open a mark of its own. A -wal of the file that it was copied from does not belong to it then.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be written.</exception>
    public static void Renew(string path)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, LedgerMark.CreateNew().Value);
        using SafeFileHandle file = File.OpenHandle(path, FileMode.Open, FileAccess.Write);
        RandomAccess.Write(file, bytes, MarkOffset);
    }
}
