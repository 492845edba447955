using System.Management.Automation.Host;

namespace KlingPS.Hosting;

/// <summary>Whether the user can be asked.</summary>
internal static class HostInteraction
{
    /// <summary>Whether somebody can answer a question. A host without anybody may hang, or end the script without an error.</summary>
    public static bool CanAsk(PSHost host) => Environment.UserInteractive && host.Name switch
    {
        // The engine's own, when a program runs scripts without a host.
        "Default Host" => false,
        "ConsoleHost" => !Console.IsInputRedirected && !SaysNonInteractive(Environment.GetCommandLineArgs()),

        // The other end may be a person's shell, or the parent of a job, which only collects what is written.
        "ServerRemoteHost" => !SaysJob(Environment.GetCommandLineArgs()),
        _ => true,
    };

    /// <summary>Whether this is pwsh without a user, such as in a scheduled job: progress bars would only fill its log.</summary>
    public static bool IsUnattendedConsole(PSHost host) => host.Name == "ConsoleHost" && !CanAsk(host);

    /// <summary>Whether pwsh was started with -NonInteractive; there is no other way to find out.</summary>
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
