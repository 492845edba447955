using KlingPS.Core.Files;

namespace KlingPS.Core.Tests.Files;

public sealed class VolumeTests
{
    /// <summary>As Linux writes it in a container of Kubernetes, with what an operator may have mounted beside it.</summary>
    private const string Table = """
        1027 861 0:198 / / rw,relatime master:301 - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w
        1028 1027 0:200 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw
        1040 1027 0:187 / /etc/kling ro,relatime - tmpfs tmpfs rw,size=65536k
        1041 1027 254:1 /var/secret /opt/kie\040key ro,relatime - ext4 /dev/vda1 rw
        1042 1027 0:60 / /mnt/share rw,relatime shared:9 - nfs4 server:/export rw,vers=4.2
        1043 1042 254:2 / /mnt/share/local rw,relatime - xfs /dev/vdb rw
        1044 1027 0:61 / /mnt/ssh rw - fuse.sshfs me@host:/ rw,user_id=0
        1045 1027 0:62 / /mnt/odd rw - fuse.somefs none rw
        1046 1027 0:63 / /mnt/stick rw - fuseblk /dev/sdb1 rw
        1047 1027 0:64 / /mnt/twice rw - ext4 /dev/vdc rw
        1048 1027 0:65 / /mnt/twice rw - cifs //server/share rw
        1049 1027 0:66 / /mnt/c rw - 9p drvfs rw,dirsync
        """;

    [Theory]
    [InlineData("/home/me/ledger.db", "overlay", "Local")]
    [InlineData("/mnt/share/ledger.db", "nfs4", "Shared")]
    [InlineData("/mnt/shared/ledger.db", "overlay", "Local")]
    [InlineData("/mnt/share/local/ledger.db", "xfs", "Local")]
    [InlineData("/mnt/ssh/ledger.db", "fuse.sshfs", "Shared")]
    [InlineData("/mnt/odd/ledger.db", "fuse.somefs", "Unknown")]
    [InlineData("/mnt/stick/ledger.db", "fuseblk", "Local")]
    [InlineData("/mnt/twice/ledger.db", "cifs", "Shared")]
    [InlineData("/mnt/c/ledger.db", "9p", "Shared")]
    public void A_path_lies_on_the_innermost_mount_that_is_seen(string path, string format, string reach)
    {
        Volume? volume = Volume.Find(Table, path);

        Assert.Equal((format, reach), (volume!.Format, volume.Reach.ToString()));
    }

    [Theory]
    [InlineData("/etc/kling/..2026_11_26/kie", true, true)]
    [InlineData("/opt/kie key", true, false)]
    [InlineData("/home/me/key", false, false)]
    public void What_a_container_gets_read_only_is_told_from_what_it_may_write(string path, bool isReadOnly, bool isInMemory)
    {
        Volume? volume = Volume.Find(Table, path);

        Assert.Equal((isReadOnly, isInMemory), (volume!.IsReadOnly, volume.IsInMemory));
    }

    [Fact]
    public void A_mounted_file_is_a_mount_of_its_own() => Assert.Equal("/opt/kie key", Volume.Find(Table, "/opt/kie key")!.Root);

    [Theory]
    [InlineData("")]
    [InlineData("\n\n")]
    [InlineData("1 2 3\n - \n36 35 98:0 / /")]
    public void A_table_that_cannot_be_read_says_nothing(string table) => Assert.Null(Volume.Find(table, "/home"));

    [Fact]
    public void The_folder_for_temporary_files_is_on_this_machine()
    {
        Volume? volume = Volume.Of(Path.Combine(Path.GetTempPath(), "there", "is", "no", "such", "folder"));

        Assert.NotNull(volume);
        Assert.NotEqual(VolumeReach.Shared, volume.Reach);
        Assert.False(volume.IsReadOnly);
    }
}
