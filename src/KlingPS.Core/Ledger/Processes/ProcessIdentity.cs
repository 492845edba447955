using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace KlingPS.Core.Ledger.Processes;

/// <summary>The process that makes an attempt. Process ids are reused, so the time it was started is a part of it.</summary>
/// <param name="ProcessId">The process id.</param>
/// <param name="Started">When it was started, by a count that no step of the clock changes for a running process.</param>
/// <param name="Boot">The id of the machine's boot; empty where the system has none.</param>
/// <param name="Machine">The machine's name.</param>
internal sealed record ProcessIdentity(int ProcessId, long Started, string Boot, string Machine)
{
    private const string BootIdFile = "/proc/sys/kernel/random/boot_id";

    /// <summary>This process.</summary>
    public static ProcessIdentity Current { get; } = new(
        Environment.ProcessId,
        StartOf(Environment.ProcessId) ?? 0,
        File.Exists(BootIdFile) ? File.ReadAllText(BootIdFile).Trim() : string.Empty,
        Environment.MachineName);

    /// <summary>Reads an owner from what <see cref="ToString"/> has written.</summary>
    public static ProcessIdentity Parse(string text)
    {
        string[] parts = text.Split(':', 4);
        return new ProcessIdentity(
            int.Parse(parts[0], CultureInfo.InvariantCulture),
            long.Parse(parts[1], CultureInfo.InvariantCulture),
            parts[2],
            parts[3]);
    }

    /// <summary>Whether the process is still running; <see langword="null"/> if it is on another machine.</summary>
    public bool? IsAlive()
    {
        if (Machine != Current.Machine)
        {
            return null;
        }

        return Boot == Current.Boot && StartOf(ProcessId) == Started;
    }

    /// <inheritdoc/>
    public override string ToString()
        => string.Create(CultureInfo.InvariantCulture, $"{ProcessId}:{Started}:{Boot}:{Machine}");

    /// <summary>When a process was started; <see langword="null"/> if there is no such process.</summary>
    private static long? StartOf(int processId)
    {
        if (OperatingSystem.IsLinux())
        {
            return StartByProc(processId);
        }

        try
        {
            using var process = Process.GetProcessById(processId);
            return process.StartTime.ToUniversalTime().Ticks;
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException or Win32Exception)
        {
            // It has ended, or is another user's, who does not share this user's ledger.
            return null;
        }
    }

    /// <summary>On Linux, Process.StartTime is computed from the time of day; the kernel's own count is exact.</summary>
    private static long? StartByProc(int processId)
    {
        string stat;
        try
        {
            stat = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{processId}/stat"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }

        // The second field is a name in brackets, which can contain anything. The third is the state, the 22nd the start time.
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return fields[0] is "Z" or "X" ? null : long.Parse(fields[19], CultureInfo.InvariantCulture);
    }
}
