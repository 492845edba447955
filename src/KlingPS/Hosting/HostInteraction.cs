using System.Management.Automation.Host;

namespace KlingPS.Hosting;

/// <summary>Whether there is anybody to ask.</summary>
internal static class HostInteraction
{
    /// <summary>Whether a question can be put to someone who can answer it. A host that cannot may hang, or end the script without a word.</summary>
    public static bool CanAsk(PSHost host) => Environment.UserInteractive && host.Name switch
    {
        // The engine's own, where a program runs scripts and has given them no host.
        "Default Host" => false,
        "ConsoleHost" => !Console.IsInputRedirected && !SaysNonInteractive(Environment.GetCommandLineArgs()),

        // The other end may be a person's shell, or a job's parent that only collects what is written.
        "ServerRemoteHost" => !SaysJob(Environment.GetCommandLineArgs()),
        _ => true,
    };

    /// <summary>Whether this is pwsh with nobody before it, such as in a scheduled job: bars would only fill its log.</summary>
    public static bool IsUnattendedConsole(PSHost host) => host.Name == "ConsoleHost" && !CanAsk(host);

    /// <summary>Whether pwsh was started with -NonInteractive, which it tells in no other way.</summary>
    internal static bool SaysNonInteractive(IEnumerable<string> arguments)
        => Options(arguments).Any(option => option.StartsWith("noni", StringComparison.Ordinal) && "noninteractive".StartsWith(option, StringComparison.Ordinal));

    /// <summary>Whether pwsh was started with -ServerMode, as Start-Job starts it.</summary>
    internal static bool SaysJob(IEnumerable<string> arguments)
        => Options(arguments).Any(option => option.Length > 0 && "servermode".StartsWith(option, StringComparison.Ordinal));

    /// <summary>The options before the script, in lower case and maybe abbreviated.</summary>
    private static IEnumerable<string> Options(IEnumerable<string> arguments)
        => arguments
            .Skip(1)
            .Where(argument => argument.StartsWith('-') || argument.StartsWith('/'))
            .Select(argument => argument.TrimStart('-', '/').ToLowerInvariant())
            .TakeWhile(option => option.Length == 0 || !("command".StartsWith(option, StringComparison.Ordinal) || "file".StartsWith(option, StringComparison.Ordinal)));
}
