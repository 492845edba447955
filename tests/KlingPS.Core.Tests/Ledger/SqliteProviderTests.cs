using System.Data.Common;
using System.Runtime.Loader;
using KlingPS.Core.Ledger.Sqlite;

namespace KlingPS.Core.Tests.Ledger;

public sealed class SqliteProviderTests
{
    [Fact]
    public async Task Nothing_of_the_stack_is_seen_outside_its_load_context()
    {
        await using var temp = new TempLedger();
        await temp.OpenAsync();

        string[] stack = ["Microsoft.Data.Sqlite", "SQLitePCLRaw.core", "SQLitePCLRaw.batteries_v2", "SQLitePCLRaw.provider.e_sqlite3"];
        AssemblyLoadContext own = AssemblyLoadContext.GetLoadContext(SqliteProvider.Factory.GetType().Assembly)!;
        Assert.NotSame(AssemblyLoadContext.Default, own);
        Assert.DoesNotContain(AssemblyLoadContext.Default.Assemblies, assembly => stack.Contains(assembly.GetName().Name));
        Assert.All(stack, name => Assert.Contains(own.Assemblies, assembly => assembly.GetName().Name == name));
    }

    [Fact]
    public async Task Two_copies_do_not_get_in_each_others_way()
    {
        DbProviderFactory other = SqliteProvider.Load(Path.Combine(AppContext.BaseDirectory, "dependencies"));

        Assert.NotSame(SqliteProvider.Factory.GetType(), other.GetType());
        await using DbConnection connection = other.CreateConnection()!;
        connection.ConnectionString = "Data Source=:memory:";
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        Assert.NotEmpty(connection.ServerVersion);
    }

    [Fact]
    public void An_incomplete_module_says_so()
    {
        string folder = Path.Combine(AppContext.BaseDirectory, "no such folder");

        var error = Assert.Throws<KlingException>(() => SqliteProvider.Load(folder));

        Assert.Equal(ErrorKind.LedgerUnusable, error.Kind);
        Assert.Contains(folder, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("win-x64", "e_sqlite3.dll")]
    [InlineData("win-arm64", "e_sqlite3.dll")]
    [InlineData("linux-x64", "libe_sqlite3.so")]
    [InlineData("linux-arm64", "libe_sqlite3.so")]
    [InlineData("linux-musl-x64", "libe_sqlite3.so")]
    [InlineData("linux-musl-arm64", "libe_sqlite3.so")]
    [InlineData("osx-x64", "libe_sqlite3.dylib")]
    [InlineData("osx-arm64", "libe_sqlite3.dylib")]
    public void There_is_a_native_library_for_every_platform(string platform, string file)
        => Assert.True(File.Exists(Path.Combine(AppContext.BaseDirectory, "dependencies", "runtimes", platform, "native", file)));
}
