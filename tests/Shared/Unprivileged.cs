using System.Diagnostics;

namespace KlingPS.Tests.Shared;

/// <summary>Starts servers that refuse to be run by root, as its tests may be, and ends them with this process.</summary>
internal static class Unprivileged
{
    /// <summary>Ends the program at the end of the input, which comes with the end of the process that has the other side, and removes the folder.</summary>
    private const string Keeper = "d=$1; s=$2; shift 2; \"$@\" </dev/null & p=$!; cat >/dev/null; kill -s $s $p 2>/dev/null; wait $p; rm -rf \"$d\"";

    /// <summary>The user that servers run as.</summary>
    public static string User { get; } = Environment.IsPrivilegedProcess ? "nobody" : Environment.UserName;

    /// <summary>What a program is run by.</summary>
    public static string Program => Environment.IsPrivilegedProcess ? "setpriv" : "env";

    /// <summary>What comes before the program.</summary>
    public static IReadOnlyList<string> Arguments { get; } = Environment.IsPrivilegedProcess ? ["--reuid", "nobody", "--regid", "nogroup", "--clear-groups"] : [];

    /// <summary>Starts a server and waits until it says that it is ready.</summary>
    /// <param name="folder">Its folder, which is removed with it.</param>
    /// <param name="program">The program.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <param name="ready">What it writes to its log when it is ready.</param>
    /// <param name="signal">The signal that ends it at once.</param>
    /// <returns>The shell beside it: whoever closes its input ends the server.</returns>
    public static async Task<Process> StartAsync(string folder, string program, IEnumerable<string> arguments, string ready, string signal)
    {
        var process = Process.Start(new ProcessStartInfo("sh", ["-c", Keeper, "sh", folder, signal, Program, .. Arguments, program, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            WorkingDirectory = "/",
        })!;
        var isReady = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var log = new List<string>();
        process.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is null)
            {
                isReady.TrySetException(new InvalidOperationException($"{program}: {string.Join('\n', log)}"));
                return;
            }

            log.Add(line.Data);
            if (line.Data.Contains(ready, StringComparison.Ordinal))
            {
                isReady.TrySetResult();
            }
        };
        process.OutputDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        await Eventually.DoneAsync(isReady.Task, ready);
        return process;
    }
}
