using System.Management.Automation;
using System.Management.Automation.Host;

namespace KlingPS.Hosting;

/// <summary>What PowerShell gives a running command, for helpers that do not know the command.</summary>
internal sealed class ShellAccess
{
    /// <summary>Creates the access.</summary>
    /// <param name="host">The host.</param>
    /// <param name="session">The session state of the caller.</param>
    /// <param name="bound">The parameters that were given.</param>
    public ShellAccess(PSHost host, SessionState session, IDictionary<string, object> bound)
    {
        Host = host;
        Session = session;
        Common = new CommonParameters(bound, session.PSVariable);
        Paths = new FilePaths(session.Path);
        Commands = new CommandRunner(host, session);
    }

    /// <summary>The host.</summary>
    public PSHost Host { get; }

    /// <summary>The session state of the caller.</summary>
    public SessionState Session { get; }

    /// <summary>The common parameters in force.</summary>
    public CommonParameters Common { get; }

    /// <summary>Resolves paths.</summary>
    public FilePaths Paths { get; }

    /// <summary>Runs commands of other modules.</summary>
    public CommandRunner Commands { get; }
}
