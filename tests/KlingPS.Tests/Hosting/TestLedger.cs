using System.Globalization;
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
        Environment.SetEnvironmentVariable("TZ", ZoneInWhichItIsNoon(DateTimeOffset.UtcNow));
        TimeZoneInfo.ClearCachedData();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => folder.Delete(recursive: true);
    }

    /// <summary>What is counted by the day, or named after the date, is of one day: no midnight passes while the tests run.</summary>
    /// <remarks>The names of these zones say how far UTC is ahead. Windows does not look at the variable.</remarks>
    private static string ZoneInWhichItIsNoon(DateTimeOffset now) => string.Create(CultureInfo.InvariantCulture, $"Etc/GMT{now.Hour - 12:+0;-0}");
}
