using KlingPS.Core.Api;

namespace KlingPS.Core.Sessions;

/// <summary>What the parts of one command share: the session, one client, the hashes of files, and the observer.</summary>
/// <remarks>Made once per command, and cheap. The session stays its owner's.</remarks>
internal sealed class KlingService
{
    /// <summary>Creates the service. Nothing is sent.</summary>
    /// <param name="session">The account.</param>
    /// <param name="observer">Is told of requests, warnings and transfers; may be <see langword="null"/>.</param>
    public KlingService(KlingSession session, IPipelineObserver? observer)
    {
        ArgumentNullException.ThrowIfNull(session);
        Session = session;
        Observer = observer;
        Client = session.CreateClient(observer);
        Hashes = new FileHashes(session);
        Account = new AccountFinder(session, observer);
    }

    /// <summary>The account, its ledger and its clock.</summary>
    public KlingSession Session { get; }

    /// <summary>The client of the command.</summary>
    public KlingClient Client { get; }

    /// <summary>Is told of requests, warnings and transfers.</summary>
    public IPipelineObserver? Observer { get; }

    /// <summary>Finds out whose key the session has.</summary>
    internal AccountFinder Account { get; }

    /// <summary>The hashes of local files.</summary>
    internal FileHashes Hashes { get; }
}
