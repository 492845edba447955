using System.Runtime.CompilerServices;

namespace KlingPS.Tests.Hosting;

/// <summary>Keeps the tests away from the ledger and the configuration of whoever runs them. They share one of their own: each has an account of its own in it.</summary>
internal static class TestLedger
{
    [ModuleInitializer]
    public static void Use()
    {
        DirectoryInfo folder = MemoryFolder.Create("klingps-ledger-");
        Environment.SetEnvironmentVariable("KLINGPS_LEDGER", Path.Combine(folder.FullName, "ledger.db"));
        Environment.SetEnvironmentVariable("KLINGPS_CONFIG", Path.Combine(folder.FullName, "config.json"));
        AppDomain.CurrentDomain.ProcessExit += (_, _) => folder.Delete(recursive: true);
    }
}
