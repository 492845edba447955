using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace KlingPS.Core.Ledger.Processes;

/// <summary>The process that makes an attempt. Ids of processes are used again, so the moment of the start belongs to it.</summary>
/// <param name="ProcessId">The process.</param>
/// <param name="Started">When it was started, in a measure that no step of the clock changes for a running process.</param>
/// <param name="Boot">The run of the operating system; empty where the system does not name it.</param>
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

    /// <summary>Whether the process still runs; <see langword="null"/> when it is another machine's.</summary>
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

    /// <summary>When a process was started; <see langword="null"/> when there is none.</summary>
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
            // Gone, or another user's, which does not share this user's ledger.
            return null;
        }
    }

    /// <summary>Process.StartTime is reckoned from the wall clock on Linux; the kernel's own count is exact.</summary>
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

        // The second field is a name in brackets, which may have anything in it. The third is the state; the 22nd the start.
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return fields[0] is "Z" or "X" ? null : long.Parse(fields[19], CultureInfo.InvariantCulture);
    }
}
