using KlingPS.Core.Files;

namespace KlingPS.Core.Tests.Files;

public sealed class PlaceTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-");

    public PlaceTests()
    {
        Directory.CreateDirectory(PathOf("real/sub"));
        Directory.CreateDirectory(PathOf("other"));
        File.WriteAllText(PathOf("real/fox.mp4"), "fox");
        OddFiles.FolderLink(PathOf("link"), PathOf("real"));
        OddFiles.FolderLink(PathOf("relative"), "real");
        OddFiles.FolderLink(PathOf("chain"), "link");
        OddFiles.FolderLink(PathOf("real/up"), "..");
        OddFiles.Link(PathOf("other/fox.mp4"), PathOf("real/fox.mp4"));
        OddFiles.FolderLink(PathOf("dangling"), PathOf("later"));
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private string PathOf(string name) => Path.Combine(_folder.FullName, name.Replace('/', Path.DirectorySeparatorChar));

    [Theory]
    [InlineData("real", "real/")]
    [InlineData("real", "link")]
    [InlineData("real", "relative")]
    [InlineData("real", "chain")]
    [InlineData("real", "real/sub/..")]
    [InlineData("real", "real/up/real")]
    [InlineData("real", "link/up/relative/up/chain")]
    [InlineData("real/fox.mp4", "link/fox.mp4")]
    [InlineData("real/fox.mp4", "other/fox.mp4")]
    [InlineData("real/none.mp4", "link/none.mp4")]
    [InlineData("real/new/none.mp4", "chain/new/none.mp4")]
    [InlineData("later", "dangling")]
    [InlineData("later/none.mp4", "dangling/none.mp4")]
    public void Two_spellings_of_a_place_are_one(string one, string other)
    {
        Assert.True(Place.IsSame(PathOf(one), PathOf(other)));
        Assert.True(Place.IsSame(PathOf(other), PathOf(one)));
    }

    [Theory]
    [InlineData("real", "other")]
    [InlineData("real", "real/sub")]
    [InlineData("real/fox.mp4", "real/none.mp4")]
    [InlineData("real/none.mp4", "other/none.mp4")]
    [InlineData("real/new/none.mp4", "real/none.mp4")]
    [InlineData("later", "real")]
    public void Two_places_are_two(string one, string other)
    {
        Assert.False(Place.IsSame(PathOf(one), PathOf(other)));
        Assert.False(Place.IsSame(PathOf(other), PathOf(one)));
    }

    [Fact]
    public void Two_names_of_a_file_are_one_place()
        => Assert.True(Place.IsSame(PathOf("real/fox.mp4"), OddFiles.HardLink(PathOf("other/second.mp4"), PathOf("real/fox.mp4"))));

    [Theory]
    [InlineData("fox.mp4", "FOX.mp4")]
    [InlineData("f\u00FCchsin.mp4", "fu\u0308chsin.mp4")]
    public void Whether_two_spellings_of_a_name_are_one_place_is_what_the_file_system_says(string one, string other)
    {
        string folder = Directory.CreateDirectory(PathOf("names")).FullName;
        string first = Path.Combine(folder, one);
        string second = Path.Combine(folder, other);
        File.WriteAllText(first, "one");
        bool isOne = File.Exists(second);

        Assert.Equal(isOne, Place.IsSame(first, second));

        // The same for names that do not exist yet, in a folder where others tell.
        Assert.Equal(isOne, Place.IsSame(Path.Combine(folder, "new-" + one), Path.Combine(folder, "new-" + other)));
    }

    /// <summary>A folder is told from what is in it: one that minds neither case nor form, one that minds both, and one with nothing to tell by.</summary>
    [Theory]
    [InlineData(false, false, "fox.mp4", "FOX.mp4", true)]
    [InlineData(false, false, "f\u00FCchsin", "fu\u0308chsin", true)]
    [InlineData(true, false, "fox.mp4", "FOX.mp4", false)]
    [InlineData(true, false, "f\u00FCchsin", "fu\u0308chsin", true)]
    [InlineData(false, true, "f\u00FCchsin", "fu\u0308chsin", false)]
    [InlineData(true, true, "f\u00FCchsin", "f\u00FCchsin", true)]
    [InlineData(null, null, "fox.mp4", "FOX.mp4", true)]
    public void Which_names_are_the_same_is_found_out_from_the_names_in_a_folder(bool? mindsCase, bool? mindsForm, string one, string other, bool expected)
    {
        string folder = Path.Combine(Path.GetPathRoot(Path.GetTempPath())!, "1");
        string[] entries = mindsCase is null ? ["1", "2"] : ["1", "\u00E4pfel"];

        NameRule rule = NameRule.Of(
            folder,
            path => path == folder ? entries.Select(entry => Path.Combine(path, entry)) : [],
            path => entries.Any(entry => IsName(Path.GetFileName(path), entry)) ? new FileId(1, 1) : null);

        Assert.Equal(expected, rule.IsSame(one, other));

        bool IsName(string name, string entry) => string.Equals(
            mindsForm == true ? name : name.Normalize(),
            mindsForm == true ? entry : entry.Normalize(),
            mindsCase == true ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void A_place_has_a_path_without_links()
    {
        Assert.Equal(Place.Of(PathOf("real/fox.mp4")).Path, Place.Of(PathOf("chain/up/other/fox.mp4")).Path);
        Assert.Empty(Place.Of(PathOf("other/fox.mp4")).Missing);
        Assert.NotEmpty(Place.Of(PathOf("link/none.mp4")).Missing);
        Assert.EndsWith(Path.Combine("real", "new", "none.mp4"), Place.Of(PathOf("link/new/none.mp4")).Path, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("real/fox.mp4", "link", true)]
    [InlineData("link/new/none.mp4", "real", true)]
    [InlineData("real", "link", true)]
    [InlineData("real/up/other", "real", false)]
    [InlineData("other/fox.mp4", "other", false)]
    [InlineData("dangling/none.mp4", "real", false)]
    public void A_place_is_within_a_folder_if_it_lies_there_once_links_are_followed(string path, string folder, bool expected)
        => Assert.Equal(expected, Place.Of(PathOf(path)).IsWithin(Place.Of(PathOf(folder))));

    [Fact]
    public void Links_in_a_circle_lead_to_no_place_but_are_no_error()
    {
        OddFiles.Link(PathOf("a"), PathOf("b"));
        OddFiles.Link(PathOf("b"), PathOf("a"));

        Assert.NotEmpty(Place.Of(PathOf("a")).Missing);
    }

    [Fact]
    public void A_relative_path_is_no_place() => Assert.Throws<ArgumentException>(() => Place.Of("real"));
}
