using KlingPS.Core.Ledger.Sql;
using KlingPS.Core.Ledger.Sqlite;

namespace KlingPS.Core.Tests.Ledger;

public sealed class SqlSessionTests : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-ledger-");
    private DatabaseConnection _connection = null!;
    private SqlSession _session = null!;

    public async ValueTask InitializeAsync()
    {
        var engine = new SqliteEngine(Path.Combine(_folder.FullName, "test.db"), () => SqliteProvider.Factory, TimeProvider.System, string.Empty);
        _connection = await engine.OpenAsync(_ => Task.FromResult<string?>(null), isToWrite: true);
        _session = new SqlSession(_connection, null);
    }

    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Parameters_are_bound_by_name_whatever_their_order()
    {
        const string Sql = "SELECT @a - @b";

        Assert.Equal(1, await _session.NumberAsync(Sql, ("a", 3), ("b", 2)));
        Assert.Equal(1, await _session.NumberAsync(Sql, ("b", 2), ("a", 3)));
    }

    [Fact]
    public async Task A_value_of_an_earlier_run_is_never_left_over()
    {
        const string Sql = "SELECT @a - @b";
        await _session.NumberAsync(Sql, ("a", 3), ("b", 2));

        await Assert.ThrowsAsync<ArgumentException>(() => _session.NumberAsync(Sql, ("a", 3)));
        await Assert.ThrowsAsync<ArgumentException>(() => _session.NumberAsync(Sql, ("a", 3), ("c", 2)));
        Assert.Null(await _session.NumberAsync(Sql, ("a", 3), ("b", null)));
    }

    [Fact]
    public async Task Columns_are_read_by_name_whatever_their_order()
    {
        List<(string, long?, long)> rows = await _session.QueryAsync(
            "SELECT 1 AS number, 'x' AS text, NULL AS absent",
            row => (row.Text("text"), row.NumberOrNull("absent"), row.Number("number")));

        Assert.Equal([("x", null, 1)], rows);
        await Assert.ThrowsAsync<KeyNotFoundException>(() => _session.QueryAsync("SELECT 1 AS number", row => row.Number("numbr")));
    }
}
