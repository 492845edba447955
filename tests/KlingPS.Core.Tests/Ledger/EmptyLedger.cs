using System.Text;
using KlingPS.Core.Files;
using KlingPS.Core.Ledger.Processes;
using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;

namespace KlingPS.Core.Tests.Ledger;

/// <summary>A file as a new ledger is, made once and copied: to make the tables anew takes longer than many tests.</summary>
internal static class EmptyLedger
{
    private static readonly Lazy<(byte[] Content, int Id)> s_made = new(() => Task.Run(MakeAsync).GetAwaiter().GetResult());

    /// <summary>Puts one with an id of its own where nothing is.</summary>
    /// <param name="path">The full path of the file.</param>
    public static void Create(string path)
    {
        (byte[] content, int id) = s_made.Value;
        byte[] copy = [.. content];
        Encoding.ASCII.GetBytes(Guid.NewGuid().ToString("N"), copy.AsSpan(id));
        using FileStream file = OwnFile.Create(path, FileReaders.Owner);
        file.Write(copy);
    }

    private static async Task<(byte[] Content, int Id)> MakeAsync()
    {
        DirectoryInfo folder = MemoryFolder.Create("klingps-empty-");
        string path = Path.Combine(folder.FullName, "ledger.db");
        ProcessIdentity owner = ProcessIdentity.Current;
        var engine = new SqliteEngine(path, () => SqliteProvider.Factory, TimeProvider.System, owner.Boot);
        await using (var ledger = new SqlLedger(engine, new ProcessOwners(owner, _ => true), TimeProvider.System))
        {
            await ledger.OpenAsync(CancellationToken.None);
        }

        byte[] content = await File.ReadAllBytesAsync(path);
        folder.Delete(recursive: true);
        return (content, content.AsSpan().IndexOf(Encoding.ASCII.GetBytes(engine.Id!)));
    }
}
