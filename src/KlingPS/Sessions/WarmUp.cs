using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using KlingPS.Core.Configuration;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sqlite;

namespace KlingPS.Sessions;

/// <summary>
/// Loads what a ledger needs on another thread, while PowerShell still binds the parameters of the first command that uses one. No file is
/// opened but the configuration: anything wrong with a ledger is found and reported by the command.
/// </summary>
internal static class WarmUp
{
    private static int s_hasBegun;

    /// <summary>Begins, once in a process. The engine is loaded on the other thread, too.</summary>
    public static void Begin()
    {
        if (Interlocked.Exchange(ref s_hasBegun, 1) == 0)
        {
            _ = Task.Run(LoadAsync);
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever it is, the command meets it as well, and reports it.")]
    private static async Task LoadAsync()
    {
        try
        {
            SHA256.HashData([]);
            if (LedgerLocation.Resolve(ConfigurationFile.Read(ConfigurationFile.Locate()).Ledger) is FileAddress)
            {
                await SqliteLedger.WarmUpAsync().ConfigureAwait(false);
            }
        }
        catch (Exception)
        {
        }
    }
}
