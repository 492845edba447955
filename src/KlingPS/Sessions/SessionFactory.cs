using System.Net;
using KlingPS.Core.Api;
using KlingPS.Core.Downloads;
using KlingPS.Core.Ledger;
using KlingPS.Core.Secrets;
using KlingPS.Core.Sessions;

namespace KlingPS.Sessions;

/// <summary>Makes sessions over the real network.</summary>
internal static class SessionFactory
{
    /// <summary>Makes a session; sends nothing.</summary>
    public static KlingSession Create(KlingEndpoints endpoints, ApiKey key, string keySource, ITaskLedger ledger, IWebProxy? proxy, bool isSandbox)
        => new(new SessionOptions
        {
            Endpoints = endpoints,
            Key = key,
            KeySource = keySource,
            IsSandbox = isSandbox,
            ApiHandler = ApiHandler.Create(proxy),
            DownloadHandler = VideoDownloader.CreateHandler(proxy),
            Ledger = ledger,
        });
}
