namespace KlingPS.Core.Ledger.Sqlite;

/// <summary>
/// What a ledger's file says of its <c>-wal</c> (SQLite's <c>user_version</c>): which one is its own, and whether its last records are only there.
/// </summary>
/// <remarks>
/// The lowest bit says that there is more in the <c>-wal</c>. Every record that is there comes with that bit cleared, so that it is gone as soon as
/// anyone, be it another program, has written the records to the file. Above it is a number, which is drawn anew before a shell begins to write to a
/// file that has everything; it comes to the <c>-wal</c> first, together with the number that the file has until then. Ledgers of earlier versions
/// have the number 0.
/// </remarks>
/// <param name="Value">The value of <c>user_version</c>.</param>
internal readonly record struct LedgerMark(uint Value)
{
    private const uint MoreInWal = 1;
    private const int NumberShift = 1;
    private const int FormerShift = 16;
    private const uint LargestNumber = 0x7FFF;

    /// <summary>Whether the last records are in the <c>-wal</c> only.</summary>
    public bool IsMoreInWal => (Value & MoreInWal) != 0;

    private uint Number => (Value >> NumberShift) & LargestNumber;

    private uint FormerNumber => Value >> FormerShift;

    /// <summary>The mark of a file that is new and has everything.</summary>
    public static LedgerMark CreateNew() => new(CreateNumber() << NumberShift);

    /// <summary>The mark for a file that has had this one and everything, once its last records are in its <c>-wal</c>.</summary>
    public LedgerMark Next() => new((Number << FormerShift) | (CreateNumber() << NumberShift) | MoreInWal);

    /// <summary>The same for a file that has everything.</summary>
    public LedgerMark Completed() => new(Value & ~MoreInWal);

    /// <summary>Whether a <c>-wal</c> that has this mark belongs to a file that has another one.</summary>
    /// <remarks>Only a file that has everything is given another number. What a shell of an earlier version has written last does not say whose it is.</remarks>
    public bool Continues(LedgerMark file) => Number == 0 || Number == file.Number || (FormerNumber == file.Number && !file.IsMoreInWal);

    private static uint CreateNumber() => (uint)Random.Shared.Next(1, (int)LargestNumber + 1);
}
