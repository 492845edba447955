using System.Net;
using KlingPS.Core;
using KlingPS.Core.Api;
using KlingPS.Core.Configuration;
using KlingPS.Core.Downloads;
using KlingPS.Core.Secrets;
using KlingPS.Core.Sessions;

namespace KlingPS.Sessions;

/// <summary>Makes sessions over the real network.</summary>
internal static class SessionFactory
{
    /// <summary>Makes a session; sends nothing.</summary>
    /// <exception cref="KlingException">The configuration, or where it puts the ledger, cannot be used.</exception>
    public static KlingSession Create(KlingEndpoints endpoints, ApiKey key, string keySource, IWebProxy? proxy, bool isSandbox)
    {
        KlingConfiguration configuration = ConfigurationFile.Read(ConfigurationFile.Locate());
        return new KlingSession(new SessionOptions
        {
            Endpoints = endpoints,
            Key = key,
            KeySource = keySource,
            IsSandbox = isSandbox,
            ApiHandler = ApiHandler.Create(proxy),
            DownloadHandler = VideoDownloader.CreateHandler(proxy),
            Ledger = Ledgers.Find(configuration.LedgerPath),
            DailyCreditCap = configuration.DailyCreditCap,
        });
    }
}
