using System.Reflection;
using System.Runtime.Loader;
using KlingPS.Core.Ledger.Postgres;
using KlingPS.Core.Ledger.Providers;
using KlingPS.Core.Ledger.Sqlite;

namespace KlingPS.Core.Tests.Ledger.Postgres;

public sealed class PostgresProviderTests
{
    [Fact]
    public void The_client_lies_in_the_context_of_SQLite_where_no_other_modules_copy_can_clash_with_it()
    {
        AssemblyLoadContext context = AssemblyLoadContext.GetLoadContext(PostgresProvider.Factory.GetType().Assembly)!;

        Assert.NotSame(AssemblyLoadContext.Default, context);
        Assert.Same(context, AssemblyLoadContext.GetLoadContext(SqliteProvider.Factory.GetType().Assembly));
        Assert.DoesNotContain(AssemblyLoadContext.Default.Assemblies, assembly => assembly.GetName().Name == "Npgsql");
    }

    [Fact]
    public void What_the_host_has_in_no_older_version_is_the_hosts()
    {
        Assembly logging = DependencyContext.Shipped.LoadFromAssemblyName(new AssemblyName("Microsoft.Extensions.Logging.Abstractions"));
        Assembly diagnostics = DependencyContext.Shipped.LoadFromAssemblyName(new AssemblyName("System.Diagnostics.DiagnosticSource"));

        Assert.Same(DependencyContext.Shipped, AssemblyLoadContext.GetLoadContext(logging));
        Assert.Same(AssemblyLoadContext.Default, AssemblyLoadContext.GetLoadContext(diagnostics));
    }

    [Fact]
    public void What_the_host_has_in_an_older_version_or_not_at_all_is_the_modules_own()
    {
        Assembly own = typeof(PostgresProviderTests).Assembly;
        var paths = new Dictionary<string, string> { ["Own"] = own.Location, ["Broken"] = Path.Combine(Path.GetTempPath(), "no such.dll") };
        Version version = own.GetName().Version!;

        Assert.True(HostAssemblies.Has(paths, "Own", version));
        Assert.False(HostAssemblies.Has(paths, "Own", new Version(version.Major + 1, 0)));
        Assert.False(HostAssemblies.Has(paths, "Other", version));
        Assert.False(HostAssemblies.Has(paths, "Broken", version));
    }
}
