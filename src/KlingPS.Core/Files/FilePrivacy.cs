using System.Runtime.Versioning;
using System.Security.AccessControl;
using System.Security.Principal;

namespace KlingPS.Core.Files;

/// <summary>
/// Tells whether only this user can read a file that holds a secret, as ssh does with its keys. Root, and the administrators of Windows, can
/// read everything anyway.
/// </summary>
/// <remarks>
/// What the manager of a container or a service mounts for it counts as its own, whatever the mode says, since nobody else sees that mount:
/// Kubernetes mounts secrets as 0644 and Docker as 0444 unless told otherwise, both read-only and with root as their owner, and systemd
/// gives its credentials to the service's user by an access list, which shows as 0440.
/// </remarks>
internal static class FilePrivacy
{
    private const UnixFileMode Group = UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute;
    private const UnixFileMode Others = UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>Where the managers of containers mount secrets, and where only they or root can put a file.</summary>
    private const string SecretsFolder = "/run/secrets/";

    /// <summary>Finds out who else can read or change an open file.</summary>
    /// <param name="file">The file.</param>
    /// <param name="path">Its full path.</param>
    /// <returns>Who can, and how to change that, in words that follow the file's name; <see langword="null"/> if nobody can.</returns>
    /// <exception cref="IOException">It cannot be looked at.</exception>
    public static string? FindOthers(FileStream file, string path)
    {
        ArgumentNullException.ThrowIfNull(file);
        return OperatingSystem.IsWindows() ? FindOthersOnWindows(file, path)
            : FileFacts.Of(file.SafeFileHandle).Permissions is UnixPermissions permissions ? FindOthers(permissions, UnixFiles.User, path, () => IsMountedSecret(path, permissions))
            : null;
    }

    /// <inheritdoc cref="FindOthers(FileStream, string)"/>
    /// <param name="permissions">Whose file it is, and who may do what.</param>
    /// <param name="user">The number of this user.</param>
    /// <param name="path">Its full path.</param>
    /// <param name="isMountedSecret">Whether it was mounted as a secret of this container or service.</param>
    internal static string? FindOthers(UnixPermissions permissions, uint user, string path, Func<bool> isMountedSecret)
    {
        UnixFileMode open = permissions.Mode & (Group | Others);
        bool isGivenByRoot = permissions.Owner == 0 && user != 0 && (open & ~(UnixFileMode.GroupRead | UnixFileMode.GroupExecute)) == 0;
        if (open == 0 || isGivenByRoot || isMountedSecret())
        {
            return null;
        }

        string who = (open & Others) != 0 ? "other users" : "other members of its group";
        string mode = Convert.ToString((int)permissions.Mode & 0b111_111_111, 8).PadLeft(4, '0');
        return $"is open to {who} (its mode is {mode}). Leave it to its owner alone: chmod 600 '{path.Replace("'", "'\\''", StringComparison.Ordinal)}'";
    }

    /// <summary>Whether the manager of this container or service put the file there, for nobody else to see.</summary>
    private static bool IsMountedSecret(string path, UnixPermissions permissions)
    {
        if (!OperatingSystem.IsLinux())
        {
            return false;
        }

        // Kubernetes names a secret by a link, to change all of them at once.
        string target = Place.Of(path).Path;
        bool isRuntimeFolder = target.StartsWith(SecretsFolder, StringComparison.Ordinal) && permissions.Owner == 0 && (permissions.Mode & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) == 0;
        return isRuntimeFolder || Volume.Of(target) is { IsReadOnly: true } volume && (volume.IsInMemory || volume.Root == target);
    }

    [SupportedOSPlatform("windows")]
    private static string? FindOthersOnWindows(FileStream file, string path)
    {
        FileSecurity security = file.GetAccessControl();
        using WindowsIdentity user = WindowsIdentity.GetCurrent();
        IEnumerable<(string Sid, bool IsAllowed, int Rights)> rules = security
            .GetAccessRules(includeExplicit: true, includeInherited: true, typeof(SecurityIdentifier))
            .Cast<FileSystemAccessRule>()
            .Select(rule => (rule.IdentityReference.Value, rule.AccessControlType == AccessControlType.Allow, (int)rule.FileSystemRights));
        string? owner = security.GetOwner(typeof(SecurityIdentifier))?.Value;
        return FindOthers(rules, user.User!.Value, owner) is string sid
            ? $"is open to others ({NameOf(sid)}). Make it yours alone: icacls \"{path}\" /inheritance:r /grant:r \"{user.Name}:(R,W)\""
            : null;
    }

    /// <summary>The first who may read or change a file and is neither this user nor the system or its administrators.</summary>
    /// <param name="rules">The rules of the file.</param>
    /// <param name="user">This user.</param>
    /// <param name="owner">The file's owner.</param>
    internal static string? FindOthers(IEnumerable<(string Sid, bool IsAllowed, int Rights)> rules, string user, string? owner)
    {
        const int ReadData = 0x1;
        const int WriteData = 0x2;
        const int AppendData = 0x4;
        const int ChangePermissions = 0x40000;
        const int TakeOwnership = 0x80000;
        const int GenericAll = 0x10000000;
        const int GenericWrite = 0x40000000;
        const int GenericRead = unchecked((int)0x80000000);
        const int Any = ReadData | WriteData | AppendData | ChangePermissions | TakeOwnership | GenericAll | GenericWrite | GenericRead;

        // The system, the administrators, and what installs Windows itself.
        const string TrustedInstaller = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";
        const string OwnerRights = "S-1-3-4";
        string[] trusted = ["S-1-5-18", "S-1-5-32-544", TrustedInstaller, user];
        return rules
            .Where(rule => rule.IsAllowed && (rule.Rights & Any) != 0)
            .Select(rule => rule.Sid == OwnerRights ? owner ?? rule.Sid : rule.Sid)
            .FirstOrDefault(sid => !trusted.Contains(sid));
    }

    [SupportedOSPlatform("windows")]
    private static string NameOf(string sid)
    {
        try
        {
            return new SecurityIdentifier(sid).Translate(typeof(NTAccount)).Value;
        }
        catch (Exception exception) when (exception is IdentityNotMappedException or SystemException)
        {
            return sid;
        }
    }
}
