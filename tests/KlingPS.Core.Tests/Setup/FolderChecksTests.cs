using KlingPS.Core.Setup;

namespace KlingPS.Core.Tests.Setup;

public sealed class FolderChecksTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("klingps-setup").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_destination_that_is_not_there_is_tried_and_taken_away_again()
    {
        KlingSetupCheck check = FolderChecks.CheckDestination(Path.Combine(_folder, "a", "b", "c"));

        Assert.NotEqual("Failed", check.Status);
        Assert.Contains("can be created, and videos can be saved in it", check.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void A_destination_that_is_there_keeps_all_that_is_in_it_and_nothing_more()
    {
        File.WriteAllText(Path.Combine(_folder, "video.mp4"), "video");

        KlingSetupCheck check = FolderChecks.CheckDestination(_folder);

        Assert.NotEqual("Failed", check.Status);
        Assert.Matches("Videos can be saved in .*(GB|MB) are free", check.Message);
        Assert.Equal([Path.Combine(_folder, "video.mp4")], Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void A_file_in_the_place_of_the_destination_fails_and_stays()
    {
        string file = Path.Combine(_folder, "videos");
        File.WriteAllText(file, "mine");

        foreach (string path in (string[])[file, Path.Combine(file, "below")])
        {
            KlingSetupCheck check = FolderChecks.CheckDestination(path);
            Assert.Equal("Failed", check.Status);
            Assert.Contains("is a file", check.Message, StringComparison.Ordinal);
            Assert.NotNull(check.Advice);
        }

        Assert.Equal("mine", File.ReadAllText(file));
    }

    [Fact]
    public void A_ledger_can_be_begun_in_a_folder_that_is_not_there_yet()
    {
        FolderChecks.RequireLedgerCreatable(Path.Combine(_folder, "data", "KlingPS", "ledger.db"));

        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public void A_ledger_cannot_be_begun_below_a_file()
    {
        string file = Path.Combine(_folder, "data");
        File.WriteAllText(file, "mine");

        var error = Assert.Throws<KlingException>(() => FolderChecks.RequireLedgerCreatable(Path.Combine(file, "ledger.db")));

        Assert.Equal(ErrorKind.LedgerUnusable, error.Kind);
    }
}
