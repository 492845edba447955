using KlingPS.Core.Files;

namespace KlingPS.Core.Tests.Files;

public sealed class FilePrivacyTests
{
    private const uint Me = 1000;
    private const uint Root = 0;
    private const string User = "S-1-5-21-1-2-3-1001";
    private const string Everyone = "S-1-1-0";

    [Theory]
    [InlineData(Me, Me, "600", true)]
    [InlineData(Me, Me, "400", true)]
    [InlineData(Me, Me, "640", false)]
    [InlineData(Me, Me, "440", false)]
    [InlineData(Me, Me, "604", false)]
    [InlineData(Me, Me, "620", false)]
    [InlineData(Me, Me, "601", false)]
    [InlineData(Root, Root, "600", true)]
    [InlineData(Root, Root, "640", false)]
    [InlineData(Root, Me, "440", true)]
    [InlineData(Root, Me, "640", true)]
    [InlineData(Root, Me, "660", false)]
    [InlineData(Root, Me, "444", false)]
    [InlineData(Root, Me, "644", false)]
    [InlineData(1001u, Me, "440", false)]
    public void A_file_is_the_users_alone_or_left_to_a_group_by_root(uint owner, uint user, string mode, bool isPrivate)
        => Assert.Equal(isPrivate, FilePrivacy.FindOthers(Permissions(owner, mode), user, "/key", () => false) is null);

    [Theory]
    [InlineData(Root, Me, "444")]
    [InlineData(Root, Root, "444")]
    [InlineData(Root, Root, "644")]
    public void What_is_mounted_as_a_secret_is_taken_as_it_is(uint owner, uint user, string mode)
        => Assert.Null(FilePrivacy.FindOthers(Permissions(owner, mode), user, "/key", () => true));

    [Theory]
    [InlineData(User, 0x1F01FF, true)]
    [InlineData("S-1-5-18", 0x1F01FF, true)]
    [InlineData("S-1-5-32-544", 0x1F01FF, true)]
    [InlineData("S-1-3-4", 0x1, true)]
    [InlineData(Everyone, 0x1, false)]
    [InlineData("S-1-5-32-545", 0x1200A9, false)]
    [InlineData("S-1-5-21-1-2-3-1002", 0x2, false)]
    [InlineData(Everyone, 0x10000000, false)]
    [InlineData(Everyone, 0x100000, true)]
    public void On_Windows_only_this_user_and_administrators_may_have_access(string sid, int rights, bool isPrivate)
        => Assert.Equal(isPrivate ? null : sid, FilePrivacy.FindOthers([(User, true, 0x1F01FF), (sid, true, rights)], User, User));

    [Fact]
    public void On_Windows_a_rule_that_denies_opens_nothing()
        => Assert.Null(FilePrivacy.FindOthers([(User, true, 0x1F01FF), (Everyone, false, 0x1)], User, User));

    private static UnixPermissions Permissions(uint owner, string mode) => new(owner, (UnixFileMode)Convert.ToInt32(mode, 8));
}
