using System.Buffers.Binary;
using Microsoft.Win32.SafeHandles;

namespace KlingPS.Core.Ledger.Sqlite;

/// <summary>What the first bytes of a SQLite file say, see https://sqlite.org/fileformat.html; read without SQLite, which would see the file together with its -wal.</summary>
/// <param name="IsDatabase">Whether it is a SQLite file at all.</param>
/// <param name="ApplicationId">Which program it belongs to; 0 if the file does not say, as in ledgers of earlier versions.</param>
/// <param name="Mark">See <see cref="MoreIsInTheWal"/>.</param>
internal readonly record struct LedgerHeader(bool IsDatabase, uint ApplicationId, uint Mark)
{
    /// <summary>The application id of a ledger: <c>Klng</c>.</summary>
    public const uint Application = 0x4B6C6E67;

    /// <summary>
    /// The mark (SQLite's <c>user_version</c>) of a file whose last records are in its <c>-wal</c> only. Every such record comes with a mark
    /// of 0, so that the mark is gone as soon as anyone has written the records to the file.
    /// </summary>
    public const uint MoreIsInTheWal = 1;

    private const int Length = 100;
    private const int MarkOffset = 60;
    private const int ApplicationOffset = 68;

    /// <summary>Reads the header of a file.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static LedgerHeader Read(SafeFileHandle file)
    {
        Span<byte> bytes = stackalloc byte[Length];
        int read = RandomAccess.Read(file, bytes, 0);
        return read < Length || !bytes.StartsWith("SQLite format 3\0"u8) ? default : new LedgerHeader(
            true,
            BinaryPrimitives.ReadUInt32BigEndian(bytes[ApplicationOffset..]),
            BinaryPrimitives.ReadUInt32BigEndian(bytes[MarkOffset..]));
    }
}
