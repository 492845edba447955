using System.Runtime.Versioning;
using System.Text;
using KlingPS.Core.Files;
using Microsoft.Win32;

namespace KlingPS.Core.Ledger.Processes;

/// <summary>
/// A lasting name for the machine whose files a path means. Copies of a virtual machine have the same id but different host names; some
/// machines have the same host name but different ids; a container rarely has an id, and its user can give it a host name.
/// </summary>
/// <remarks>
/// The boot and the container show which process is meant (<see cref="ProcessIdentity"/>), not which files: a machine knows
/// its files after a restart as well. Two machines that are taken for one look in the wrong place; one that is taken for two reads a
/// file again, and then recognizes its content. Neither costs money.
/// </remarks>
internal static class MachineName
{
    private const int MaxFile = 1024;

    private static readonly string[] s_idFiles = ["/etc/machine-id", "/var/lib/dbus/machine-id"];

    private static readonly string? s_id = OperatingSystem.IsWindows() ? ReadRegistry() : s_idFiles.Select(ReadFile).FirstOrDefault(id => id is not null);

    /// <summary>The machine of this process.</summary>
    public static string Current { get; } = Create(Environment.MachineName, s_id);

    /// <summary>Whether a process is running whose machine has the name of this one, as far as that can be seen from here.</summary>
    /// <param name="owner">The process.</param>
    /// <param name="isSeen">Whether it is seen running here.</param>
    public static bool? Confirm(ProcessIdentity owner, bool? isSeen) => Confirm(owner, isSeen, hasId: s_id is not null);

    /// <inheritdoc cref="Confirm(ProcessIdentity, bool?)"/>
    /// <param name="owner">The process.</param>
    /// <param name="isSeen">Whether it is seen running here.</param>
    /// <param name="hasId">Whether this machine has an id.</param>
    /// <remarks>Two machines with neither an id nor the id of a boot, such as Macs, may have the same name: a process that is missing here may be running there.</remarks>
    internal static bool? Confirm(ProcessIdentity owner, bool? isSeen, bool hasId)
    {
        ArgumentNullException.ThrowIfNull(owner);
        return isSeen == false && !hasId && owner.Boot.Length == 0 ? null : isSeen;
    }

    /// <summary>The name of a machine.</summary>
    /// <param name="host">Its host name.</param>
    /// <param name="id">The id of its installation, if it has one. Programs are asked not to give it away, so a hash stands for it.</param>
    internal static string Create(string host, string? id)
        => id is null ? host : $"{host}-{ContentHash.OfText("KlingPS " + id)[..8]}";

    private static string? ReadFile(string path)
    {
        try
        {
            // A file that is prepared for the first boot says so, or is empty.
            string id = Encoding.ASCII.GetString(OrdinaryFile.ReadAllBytes(path, MaxFile)).Trim();
            return id.Length > 0 && id.All(char.IsAsciiHexDigit) ? id : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    [SupportedOSPlatform("windows")]
    private static string? ReadRegistry()
    {
        try
        {
            return Registry.GetValue(@"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Cryptography", "MachineGuid", null) as string;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or System.Security.SecurityException)
        {
            return null;
        }
    }
}
