using System.Diagnostics.CodeAnalysis;
using KlingPS.Core.Files;

namespace KlingPS.Core.Tests.Files;

public sealed class OwnFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-");

    public void Dispose() => _folder.Delete(recursive: true);

    private string PathOf(string name) => Path.Combine(_folder.FullName, name);

    public static TheoryData<string> Obstacles { get; } = [.. OddFiles.Kinds];

    private string Put(string obstacle, string name)
    {
        OddFiles.Put(obstacle, PathOf(name), PathOf("theirs"));
        return PathOf(name);
    }

    /// <summary>Nothing that was there has been written to or replaced, and nothing has come where a link leads.</summary>
    private void AssertUntouched(string obstacle, string name)
    {
        Assert.Equal(obstacle is "link" or "hard link", File.Exists(PathOf("theirs")));
        Assert.Equal(obstacle is "link" or "hard link" ? [name, "theirs"] : [name], _folder.EnumerateFileSystemInfos().Select(entry => entry.Name).Order());
        if (File.Exists(PathOf("theirs")))
        {
            Assert.Equal(OddFiles.Theirs, File.ReadAllText(PathOf("theirs")));
        }
    }

    [Theory]
    [MemberData(nameof(Obstacles))]
    public void A_file_is_never_created_over_or_through_anything(string obstacle)
    {
        string path = Put(obstacle, "mine");

        Assert.ThrowsAny<IOException>(() => OwnFile.Create(path, FileReaders.Owner));

        AssertUntouched(obstacle, "mine");
    }

    [Theory]
    [MemberData(nameof(Obstacles))]
    public void A_file_is_never_opened_through_anything_planted(string obstacle)
    {
        string path = Put(obstacle, "mine");

        var refusal = Assert.ThrowsAny<IOException>(() => OwnFile.TryOpenExclusive(path, FileReaders.Owner));

        Assert.Contains(path, refusal.Message, StringComparison.Ordinal);
        AssertUntouched(obstacle, "mine");
        Assert.ThrowsAny<IOException>(() => OwnFile.Require(path));
    }

    [Theory]
    [MemberData(nameof(Obstacles))]
    public void A_file_is_replaced_only_where_a_file_is(string obstacle)
    {
        string path = Put(obstacle, "mine");
        if (obstacle == "hard link")
        {
            // Its name is given to another file; the file that had it keeps its other name and its content.
            OwnFile.Replace(path, "new"u8, FileReaders.Owner);
            Assert.Equal("new", File.ReadAllText(path));
        }
        else
        {
            Assert.ThrowsAny<IOException>(() => OwnFile.Replace(path, "new"u8, FileReaders.Owner));
        }

        AssertUntouched(obstacle, "mine");
    }

    [Theory]
    [MemberData(nameof(Obstacles))]
    public void A_file_gets_a_new_name_only_where_nothing_has_it(string obstacle)
    {
        File.WriteAllText(PathOf("begun"), "new");
        string path = Put(obstacle, "mine");

        Assert.ThrowsAny<IOException>(() => OwnFile.MoveNew(PathOf("begun"), path));

        Assert.Equal("new", File.ReadAllText(PathOf("begun")));
        File.Delete(PathOf("begun"));
        AssertUntouched(obstacle, "mine");
    }

    [Fact]
    public void A_file_is_renamed_whole()
    {
        File.WriteAllText(PathOf("begun"), "new");

        OwnFile.MoveNew(PathOf("begun"), PathOf("mine"));

        Assert.Equal("new", File.ReadAllText(PathOf("mine")));
        Assert.False(File.Exists(PathOf("begun")));
        Assert.ThrowsAny<IOException>(() => OwnFile.MoveNew(PathOf("begun"), PathOf("other")));
    }

    [Fact]
    public async Task Of_many_that_want_a_name_at_the_same_time_one_gets_it()
    {
        for (int round = 0; round < 50; round++)
        {
            string name = PathOf($"name-{round}");
            string[] begun = [.. Enumerable.Range(0, 4).Select(i => PathOf($"begun-{round}-{i}"))];
            Array.ForEach(begun, path => File.WriteAllText(path, path));

            bool[] hasIt = await Task.WhenAll(begun.Select(path => Task.Run(() =>
            {
                try
                {
                    OwnFile.MoveNew(path, name);
                    return true;
                }
                catch (IOException)
                {
                    return false;
                }
            })));

            Assert.Equal(begun[Array.IndexOf(hasIt, true)], File.ReadAllText(name));
            Assert.Equal(3, begun.Count(File.Exists));
        }
    }

    [Fact]
    public void A_file_is_one_owner_s_until_it_is_closed()
    {
        using (FileStream mine = OwnFile.TryOpenExclusive(PathOf("mine"), FileReaders.Umask)!)
        {
            mine.Write("content"u8);
            Assert.Null(OwnFile.TryOpenExclusive(PathOf("mine"), FileReaders.Umask));
            File.Move(PathOf("mine"), PathOf("renamed"));
            Assert.Equal(7, mine.Length);
        }

        using FileStream again = OwnFile.TryOpenExclusive(PathOf("renamed"), FileReaders.Umask)!;
        Assert.Equal(7, again.Length);
    }

    [Fact]
    public void A_file_that_has_just_gone_is_not_created_again_by_a_look_at_it()
    {
        Assert.Null(OwnFile.TryOpenExclusive(PathOf("gone"), readers: null));
        Assert.False(File.Exists(PathOf("gone")));

        File.WriteAllText(PathOf("here"), "content");
        using FileStream here = OwnFile.TryOpenExclusive(PathOf("here"), readers: null)!;
        Assert.Equal(7, here.Length);
    }

    [Fact]
    public void A_full_disk_is_told_with_the_folder_and_not_with_a_name_that_nobody_knows()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "Only Linux has a disk that is always full.");
        using var file = new TemporaryStream("/dev/full", new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Write, BufferSize = 0 });
        foreach (Action write in (Action[])[() => file.Write([1]), () => file.Write([1], 0, 1), () => file.WriteByte(1)])
        {
            Assert.EndsWith("'/dev'", Assert.Throws<IOException>(write).Message);
        }

        using FileStream begun = OwnFile.Create(TemporaryFile.NameIn(_folder.FullName), FileReaders.Owner);
        Assert.IsType<TemporaryStream>(begun);
    }

    [Fact]
    public void A_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it()
    {
        OwnFile.Replace(PathOf("mine"), "one"u8, FileReaders.Owner);
        OwnFile.Replace(PathOf("mine"), "two"u8, FileReaders.Owner);

        Assert.Equal("two", File.ReadAllText(PathOf("mine")));
        Assert.Equal(["mine"], _folder.EnumerateFileSystemInfos().Select(entry => entry.Name));
    }

    [Fact]
    [SuppressMessage("Interoperability", "CA1416", Justification = "Skipped on Windows.")]
    public void Nobody_else_may_write_to_a_file_and_only_its_owner_reads_what_is_private()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "On Windows, a file has the permissions of its folder.");
        OwnFile.Create(PathOf("settings"), FileReaders.Owner).Dispose();
        OwnFile.Create(PathOf("video"), FileReaders.Umask).Dispose();
        OwnFile.CreateFolder(PathOf("a/b"), FileReaders.Owner);
        OwnFile.CreateFolder(PathOf("c/d"), FileReaders.Umask);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(PathOf("settings")));
        Assert.All(["a", "a/b"], folder => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(PathOf(folder))));
        Assert.All(["c", "c/d"], folder => Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(PathOf(folder)) & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)));
        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(PathOf("video")) & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite));
    }
}
