using System.Net;
using KlingPS.Core;
using KlingPS.Core.Api;
using KlingPS.Core.Configuration;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Postgres;
using KlingPS.Core.Saving;
using KlingPS.Core.Sessions;
using KlingPS.Core.Setup;

namespace KlingPS.Sessions;

/// <summary>Makes sessions over the real network.</summary>
internal static class SessionFactory
{
    /// <summary>Makes a session; sends nothing.</summary>
    /// <param name="configuration">The settings in force.</param>
    /// <param name="endpoints">Where the service is.</param>
    /// <param name="found">The key; the session takes ownership of it.</param>
    /// <param name="ledgerPassword">The password of the ledger's database, if it was found in the secret store.</param>
    /// <param name="proxyCredentials">The credentials for the proxy.</param>
    /// <param name="isSandbox">Whether the service is the local sandbox.</param>
    /// <exception cref="KlingException">The ledger cannot be where the settings put it.</exception>
    public static KlingSession Create(KlingConfiguration configuration, KlingEndpoints endpoints, FoundKey found, LedgerPassword? ledgerPassword, ICredentials? proxyCredentials, bool isSandbox)
    {
        var route = ProxyRoute.Through(configuration.Proxy, proxyCredentials);
        LedgerUse ledger = Ledgers.Use(configuration.LedgerAddress, ledgerPassword);
        return new KlingSession(new SessionOptions
        {
            Endpoints = endpoints,
            Key = found.Key,
            KeySource = found.Source.Text,
            IsSandbox = isSandbox,
            ApiHandler = ApiHandler.Create(route),
            DownloadHandler = VideoDownloader.CreateHandler(endpoints.Addresses, route),
            Ledger = ledger.Ledger,
            LedgerUse = ledger,
            LedgerNotice = (configuration.LedgerAddress is FileAddress file ? FolderChecks.FindSharing(file.Path) : null)
                ?? configuration.DescribeMissing(endpoints.Api)
                ?? DescribeElsewhere(configuration, endpoints.Api),
            DailyCreditCap = configuration.DailyCreditCap,
            RequestTimeout = TimeSpan.FromSeconds(configuration.RequestTimeout),
        });
    }

    /// <summary>What to tell the user about a ledger and a configuration that are not where they were or usually are. Whatever moves the one mostly moves the other.</summary>
    private static string? DescribeElsewhere(KlingConfiguration configuration, Uri endpoint)
    {
        string? ledger = configuration.DescribeNewLedger(endpoint)
            ?? (configuration.IsSet(nameof(KlingConfiguration.Ledger)) ? null : LedgerLocation.FindOther(configuration.Ledger));
        string[] told = [.. new[] { ledger, configuration.DescribeOther(endpoint) }.OfType<string>()];
        return told.Length == 0 ? null : string.Join(" ", told);
    }
}
