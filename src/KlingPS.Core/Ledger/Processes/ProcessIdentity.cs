using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;

namespace KlingPS.Core.Ledger.Processes;

/// <summary>The process that makes an attempt. Process ids are reused, and start again in each container, so the id is only a part of it.</summary>
/// <param name="ProcessId">The process id.</param>
/// <param name="Started">When it was started, by a count that setting the clock does not change for a running process.</param>
/// <param name="Boot">The id of the machine's boot; empty if the system has none.</param>
/// <param name="Machine">The machine's name.</param>
/// <param name="Namespace">The space that its process id belongs to, such as a container; empty if the system does not say, and in records of earlier versions.</param>
internal sealed record ProcessIdentity(int ProcessId, long Started, string Boot, string Machine, string Namespace = "")
{
    private const string BootIdFile = "/proc/sys/kernel/random/boot_id";
    private const string NamespaceFile = "/proc/self/ns/pid";

    /// <summary>Where the name of the machine ends: no name of a machine contains it.</summary>
    private const char NamespaceMark = '|';

    /// <summary>Whether the process table is that of this process's own container. It may still be the one from outside.</summary>
    private static readonly Lazy<bool> s_seesItsLike = new(() => Read("/proc/self/status")?.Split('\n')
        .FirstOrDefault(line => line.StartsWith("NSpid:", StringComparison.Ordinal))?
        .Split('\t', StringSplitOptions.RemoveEmptyEntries).Length == 2);

    /// <summary>This process.</summary>
    public static ProcessIdentity Current { get; } = new(
        Environment.ProcessId,
        (OperatingSystem.IsLinux() ? LookByProc("self") : LookBySystem(Environment.ProcessId)).Started,
        Read(BootIdFile)?.Trim() ?? string.Empty,
        Environment.MachineName,
        ReadNamespace());

    /// <summary>Reads an owner from what <see cref="ToString"/> has written.</summary>
    /// <returns><see langword="null"/> if it is not one.</returns>
    public static ProcessIdentity? Parse(string text)
    {
        string[] parts = text.Split(':', 4);
        if (parts.Length < 4
            || !int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out int processId)
            || !long.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out long started))
        {
            return null;
        }

        int mark = parts[3].LastIndexOf(NamespaceMark);
        return new ProcessIdentity(processId, started, parts[2], mark < 0 ? parts[3] : parts[3][..mark], mark < 0 ? string.Empty : parts[3][(mark + 1)..]);
    }

    /// <summary>
    /// Whether the process is still running; <see langword="null"/> if that cannot be seen from here: it is on another machine, or ran
    /// before this one booted, or it is in another container.
    /// </summary>
    public bool? IsAlive()
    {
        if (Machine != Current.Machine || Boot != Current.Boot)
        {
            return null;
        }

        Look look = OperatingSystem.IsLinux() ? LookByProc(ProcessId.ToString(CultureInfo.InvariantCulture)) : LookBySystem(ProcessId);
        bool isSame = look.IsRunning == true && look.Started == Started;
        if (Namespace == Current.Namespace && (Namespace.Length == 0 || s_seesItsLike.Value))
        {
            return look.IsRunning is null ? null : isSame;
        }

        // An earlier version did not say which space its process id belongs to. A process with that id and that very start time is the same one, not a coincidence.
        return Namespace.Length == 0 && isSame && s_seesItsLike.Value ? true : null;
    }

    /// <inheritdoc/>
    /// <remarks>An earlier version takes the last part for the machine's name, and treats other machines as ones that it cannot see.</remarks>
    public override string ToString()
    {
        string machine = Namespace.Length == 0 ? Machine : Machine + NamespaceMark + Namespace;
        return string.Create(CultureInfo.InvariantCulture, $"{ProcessId}:{Started}:{Boot}:{machine}");
    }

    /// <summary>The id of the process namespace, such as <c>4026531836</c>.</summary>
    private static string ReadNamespace()
    {
        try
        {
            string? target = OperatingSystem.IsLinux() ? new FileInfo(NamespaceFile).LinkTarget : null;
            return target is null ? string.Empty : string.Concat(target.Where(char.IsAsciiDigit));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return string.Empty;
        }
    }

    /// <summary>Asks the system for a process.</summary>
    private static Look LookBySystem(int processId)
    {
        try
        {
            using var process = Process.GetProcessById(processId);
            return new Look(true, process.StartTime.ToUniversalTime().Ticks);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            return new Look(false, 0);
        }
        catch (Win32Exception)
        {
            // It belongs to another user.
            return new Look(null, 0);
        }
    }

    /// <summary>On Linux, Process.StartTime is computed from the time of day; the kernel's own count is exact.</summary>
    private static Look LookByProc(string process)
    {
        if (Read($"/proc/{process}/stat") is not string stat)
        {
            // Processes of other users may be hidden.
            return new Look(int.TryParse(process, NumberStyles.None, CultureInfo.InvariantCulture, out int id) && LookBySystem(id).IsRunning != false ? null : false, 0);
        }

        // The second field is a name in brackets, which can contain anything. The third is the state, the 22nd the start time.
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return fields[0] is "Z" or "X" ? new Look(false, 0) : new Look(true, long.Parse(fields[19], CultureInfo.InvariantCulture));
    }

    private static string? Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <param name="IsRunning">Whether there is a process of this id; <see langword="null"/> if that cannot be seen.</param>
    /// <param name="Started">If it is running: when it was started.</param>
    private readonly record struct Look(bool? IsRunning, long Started);
}
