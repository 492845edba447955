using KlingPS.Core.Files;

namespace KlingPS.Core.Tests.Files;

public sealed class FileFactsTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-");

    public void Dispose() => _folder.Delete(recursive: true);

    private string PathOf(string name) => Path.Combine(_folder.FullName, name);

    private string Write(string name, string content = "content")
    {
        File.WriteAllText(PathOf(name), content);
        return PathOf(name);
    }

    [Fact]
    public void Nothing_has_no_facts()
    {
        Assert.Null(FileFacts.Of(PathOf("none")));
        Assert.Null(FileFacts.OfName(PathOf("none")));
        Assert.Null(FileFacts.Of(PathOf("none/below")));
        Assert.Null(FileFacts.Of(Path.Combine(Write("file"), "below")));
        Assert.Null(FileFacts.Of(PathOf("fi") + "\0le"));
    }

    [Fact]
    public void A_file_is_told_from_every_other_and_found_under_all_its_names()
    {
        string file = Write("file");
        FileFacts facts = FileFacts.Of(file)!;
        Assert.Equal((FileKind.Ordinary, 1, 7), (facts.Kind, facts.Names, facts.Length));
        Assert.NotNull(facts.Id);
        Assert.NotEqual(facts.Id, FileFacts.Of(Write("other"))!.Id);

        FileFacts linked = FileFacts.Of(OddFiles.Link(PathOf("link"), file))!;
        Assert.Equal((FileKind.Ordinary, facts.Id, 1), (linked.Kind, linked.Id, linked.Names));

        FileFacts second = FileFacts.OfName(OddFiles.HardLink(PathOf("second"), file))!;
        Assert.Equal((FileKind.Ordinary, facts.Id, 2), (second.Kind, second.Id, second.Names));

        using FileStream open = File.OpenRead(PathOf("second"));
        Assert.Equal(second, FileFacts.Of(open.SafeFileHandle));
    }

    [Fact]
    public void A_link_is_itself_by_its_name()
    {
        string link = OddFiles.Link(PathOf("link"), Write("file"));
        string toNothing = OddFiles.Link(PathOf("dangling"), PathOf("none"));

        Assert.Equal(FileKind.Link, FileFacts.OfName(link)!.Kind);
        Assert.Equal(FileKind.Link, FileFacts.OfName(toNothing)!.Kind);
        Assert.Null(FileFacts.Of(toNothing));
    }

    [Fact]
    public void A_folder_is_one()
    {
        Assert.Equal(FileKind.Folder, FileFacts.Of(_folder.FullName)!.Kind);
        Assert.Equal(FileFacts.Of(_folder.FullName)!.Id, FileFacts.Of(_folder.FullName + Path.DirectorySeparatorChar)!.Id);
    }

    [Fact]
    public void Pipes_sockets_and_devices_are_told_apart()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), OddFiles.NotOnWindows);

        Assert.Equal(FileKind.Pipe, FileFacts.Of(OddFiles.Pipe(PathOf("pipe")))!.Kind);
        Assert.Equal(FileKind.Socket, FileFacts.Of(OddFiles.Socket(PathOf("socket")))!.Kind);
        Assert.Equal(FileKind.Device, FileFacts.Of(OddFiles.Device(PathOf("device")))!.Kind);
    }

    [Fact]
    public void A_change_shows_even_if_the_time_of_the_write_is_set_back()
    {
        string file = Write("file", "one");
        DateTime written = File.GetLastWriteTimeUtc(file);
        DateTimeOffset changed = FileFacts.Of(file)!.ChangedAt;

        while (FileFacts.Of(file)!.ChangedAt == changed)
        {
            Write("file", "two");
            File.SetLastWriteTimeUtc(file, written);
        }

        Assert.True(FileFacts.Of(file)!.ChangedAt > changed);
        Assert.Equal(written, File.GetLastWriteTimeUtc(file));
    }

    [Fact]
    public void A_name_that_no_file_system_takes_is_an_error()
        => Assert.ThrowsAny<IOException>(() => FileFacts.Of(PathOf(new string('x', 5000))));

    [Fact]
    public void Links_in_a_circle_are_an_error()
    {
        OddFiles.Link(PathOf("a"), PathOf("b"));
        OddFiles.Link(PathOf("b"), PathOf("a"));

        Assert.ThrowsAny<IOException>(() => FileFacts.Of(PathOf("a")));
        Assert.Equal(FileKind.Link, FileFacts.OfName(PathOf("a"))!.Kind);
    }
}
