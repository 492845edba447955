using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace KlingPS.Core.Files;

/// <summary>Who else may write to a file system at the same time as this machine.</summary>
internal enum VolumeReach
{
    /// <summary>Nobody: it is a disk of this machine, or in its memory.</summary>
    Local,

    /// <summary>Other machines, or the host of this virtual machine or container: they do not know what processes here agree on.</summary>
    Shared,

    /// <summary>Not known: a program stands in for the file system.</summary>
    Unknown,
}

/// <summary>The file system that a path is on.</summary>
/// <param name="Format">What the system calls its kind, such as <c>ext4</c>, <c>nfs4</c> or <c>NTFS</c>.</param>
/// <param name="Root">Where it begins: a mount point, or the root of a drive.</param>
/// <param name="IsReadOnly">Whether nothing can be written to it.</param>
internal sealed partial record Volume(string Format, string Root, bool IsReadOnly)
{
    private const string MountTable = "/proc/self/mountinfo";

    /// <summary>Far more than the mounts of any machine.</summary>
    private const int MaxMountTable = 16 * 1024 * 1024;

    private const string NetworkDrive = "network drive";

    /// <summary>
    /// Kinds of file systems whose files other machines see as well; the last ones bring folders of a host into a virtual machine
    /// or a container.
    /// </summary>
    private static readonly HashSet<string> s_shared = new(StringComparer.OrdinalIgnoreCase)
    {
        NetworkDrive, "nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "ncp", "ncpfs", "afs", "coda", "davfs", "webdav", "ceph", "glusterfs", "lustre",
        "beegfs", "fhgfs", "gpfs", "gfs", "gfs2", "ocfs2", "orangefs", "pvfs2", "acfs",
        "fuse.sshfs", "fuse.glusterfs", "fuse.ceph", "fuse.ceph-fuse", "fuse.s3fs", "fuse.gcsfuse", "fuse.rclone", "fuse.davfs", "fuse.blobfuse", "fuse.blobfuse2",
        "fuse.juicefs", "fuse.mount-s3", "fuse.goofys", "fuse.curlftpfs", "fuse.moosefs", "fuse.mfs", "fuse.smbnetfs", "fuse.httpfs",
        "9p", "virtiofs", "vboxsf", "vmhgfs", "fuse.vmhgfs-fuse", "prl_fs", "drvfs", "fakeowner", "osxfs", "fuse.grpcfuse", "fuse.osxfs",
    };

    /// <summary>Programs that stand in for a file system of this machine's own.</summary>
    private static readonly HashSet<string> s_localPrograms = new(StringComparer.OrdinalIgnoreCase) { "fuseblk", "fuse.fuse-overlayfs", "fuse.ntfs-3g", "fuse.exfat", "fuse.ext4" };

    /// <summary>Who else may write to it.</summary>
    public VolumeReach Reach => s_shared.Contains(Format) ? VolumeReach.Shared
        : Format.StartsWith("fuse", StringComparison.OrdinalIgnoreCase) && !s_localPrograms.Contains(Format) ? VolumeReach.Unknown
        : Format is "osxfuse" or "macfuse" ? VolumeReach.Unknown
        : VolumeReach.Local;

    /// <summary>Whether it is in the memory of this machine, and gone when that is switched off.</summary>
    public bool IsInMemory => Format is "tmpfs" or "ramfs";

    /// <summary>Finds the file system of a path, or of the deepest folder on the way to it that exists.</summary>
    /// <param name="path">The full path. Links are followed.</param>
    /// <returns><see langword="null"/> if the system does not say.</returns>
    public static Volume? Of(string path)
    {
        try
        {
            string existing = Place.Of(path).Existing;
            return OperatingSystem.IsWindows() ? OfDrive(existing)
                : OperatingSystem.IsLinux() && Find(Encoding.UTF8.GetString(OrdinaryFile.ReadAllBytes(MountTable, MaxMountTable)), existing) is Volume mounted ? mounted
                : new Volume(new DriveInfo(existing).DriveFormat, existing, IsReadOnly: false);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Finds the mount that a path is on.</summary>
    /// <param name="table">The table of mounts, as Linux writes it to <c>/proc/self/mountinfo</c>.</param>
    /// <param name="path">The full path, without links.</param>
    internal static Volume? Find(string table, string path)
    {
        Volume? found = null;
        foreach (string line in table.Split('\n'))
        {
            // 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue
            string[] halves = line.Split(" - ", 2);
            string[] mount = halves[0].Split(' ');
            string[] source = halves.Length < 2 ? [] : halves[1].Split(' ');
            if (mount.Length < 6 || source.Length < 3 || Unescape(mount[4]) is not string root || !IsWithin(path, root))
            {
                continue;
            }

            // Of two mounts at the same place, the later one is seen.
            if (found is null || root.Length >= found.Root.Length)
            {
                found = new Volume(source[0], root, Has(mount[5], "ro") || Has(source[2], "ro"));
            }
        }

        return found;
    }

    private static Volume OfDrive(string path)
    {
        string root = System.IO.Path.GetPathRoot(path)!;
        if (root.StartsWith(@"\\", StringComparison.Ordinal) && !root.StartsWith(@"\\?\", StringComparison.Ordinal))
        {
            return new Volume(NetworkDrive, root, IsReadOnly: false);
        }

        var drive = new DriveInfo(root);
        return new Volume(drive.DriveType == DriveType.Network ? NetworkDrive : drive.DriveFormat, root, IsReadOnly: false);
    }

    private static bool IsWithin(string path, string root)
        => root == "/" || path == root || (path.StartsWith(root, StringComparison.Ordinal) && path[root.Length] == '/');

    private static bool Has(string options, string option) => options.Split(',').Contains(option);

    /// <summary>Spaces and the like are written as their codes.</summary>
    private static string Unescape(string text)
        => Escape().Replace(text, match => ((char)Convert.ToInt32(match.Groups[1].Value, 8)).ToString(CultureInfo.InvariantCulture));

    [GeneratedRegex(@"\\([0-3][0-7]{2})")]
    private static partial Regex Escape();
}
