using System.Globalization;
using KlingPS.Bench.Engine;
using KlingPS.Core.Ledger.Postgres;
using KlingPS.Core.Ledger.Sql;

namespace KlingPS.Bench.Postgres;

/// <summary>The ledgers of <see cref="SizedLedger"/> on a server, as a machine has them whose files they mean.</summary>
internal static class SizedServerLedger
{
    public const string Machine = "bench";

    /// <summary>Makes a ledger. The records are copied into the tables that the module makes, and the indexes and sums made afterwards.</summary>
    /// <param name="server">The server.</param>
    /// <param name="name">The schema, which is not there yet.</param>
    /// <param name="tasks">How many tasks it has.</param>
    /// <param name="now">The moment of the last one.</param>
    /// <param name="folder">A folder for files in between.</param>
    public static async Task MakeAsync(BenchServer server, string name, int tasks, DateTimeOffset now, string folder)
    {
        Assert.Null(ServerAddressParser.TryParse(server.Address(name, isPooled: false), out ServerAddress? address));
        var engine = new PostgresEngine(address!, () => PostgresProvider.Factory, new LedgerCredentials(address!, _ => null)) { Machine = Machine };
        await using DatabaseConnection connection = await engine.OpenAsync(Schema.MigrateAsync, isToWrite: true);
        Dictionary<string, long> prompts = [];
        await InTransactionAsync(async session => prompts = await SizedLedger.FillSharedAsync(session));

        string kept = $"FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = '{name}'::regnamespace AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid)";
        string again = await server.SqlAsync($"SELECT string_agg(pg_get_indexdef(i.indexrelid), ';') {kept}");
        await server.SqlAsync(await server.SqlAsync($"SELECT string_agg('DROP INDEX ' || i.indexrelid::regclass, ';') {kept}"));
        await CopyAsync(server, name, SizedLedger.RecordsOf(tasks, now, prompts).SelectMany(ToServer), folder);
        await server.SqlAsync(again);
        await InTransactionAsync(async session =>
        {
            await SizedLedger.AddUpAsync(session);
            await session.ExecuteAsync(SavedNames.Filling);
            await session.SetCounterAsync("task", tasks);
        });
        engine.Close();

        Task InTransactionAsync(Func<SqlSession, Task> work) => connection.InTransactionAsync(WriteKind.Light, [WriteScope.All], async session =>
        {
            await work(session);
            return true;
        });
    }

    /// <summary>Where several machines share a ledger, the paths are in a table of their own.</summary>
    private static IEnumerable<(string Table, (string Column, object? Value)[] Values)> ToServer((string Table, (string Column, object? Value)[] Values) record)
    {
        Dictionary<string, object?> values = record.Values.ToDictionary(value => value.Column, value => value.Value, StringComparer.Ordinal);
        if (record.Table == "machine_hashes")
        {
            values["machine"] = Machine;
        }
        else if (values["saved_path"] is object path)
        {
            yield return ("saved_files", [("task", values["id"]), ("machine", Machine), ("saved_path", path), ("saved_hash", values["saved_hash"])]);
            values["saved_path"] = null;
        }

        yield return (record.Table, [.. values.Select(value => (value.Key, value.Value))]);
    }

    private static async Task CopyAsync(BenchServer server, string name, IEnumerable<(string Table, (string Column, object? Value)[] Values)> records, string folder)
    {
        var files = new Dictionary<string, (StreamWriter Writer, string Columns)>(StringComparer.Ordinal);
        foreach ((string table, (string Column, object? Value)[] values) in records)
        {
            if (!files.TryGetValue(table, out (StreamWriter Writer, string Columns) file))
            {
                files[table] = file = (new StreamWriter(Path.Combine(folder, table)), string.Join(", ", values.Select(value => value.Column)));
            }

            // Nothing in it has to be escaped.
            await file.Writer.WriteLineAsync(string.Join('\t', values.Select(value => value.Value is null ? "\\N" : Convert.ToString(value.Value, CultureInfo.InvariantCulture))));
        }

        foreach ((string table, (StreamWriter writer, string columns)) in files)
        {
            await writer.DisposeAsync();
            string path = Path.Combine(folder, table);
            await server.SqlAsync($"ALTER TABLE {name}.{table} DISABLE TRIGGER USER");
            await server.SqlAsync($"\\copy {name}.{table} ({columns}) FROM '{path}'");
            await server.SqlAsync($"ALTER TABLE {name}.{table} ENABLE TRIGGER USER");
            File.Delete(path);
        }
    }
}
