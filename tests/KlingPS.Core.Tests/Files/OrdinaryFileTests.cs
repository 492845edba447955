using KlingPS.Core.Files;
using Microsoft.Win32.SafeHandles;

namespace KlingPS.Core.Tests.Files;

public sealed class OrdinaryFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Delete(recursive: true);

    private string PathOf(string name) => Path.Combine(_folder.FullName, name);

    private string Write(string name, string content)
    {
        File.WriteAllText(PathOf(name), content);
        return PathOf(name);
    }

    [Fact]
    public async Task A_file_is_read_and_knows_its_name()
    {
        string path = Write("file", "content");

        await using FileStream file = OrdinaryFile.Open(path);
        byte[] buffer = new byte[20];

        Assert.Equal(path, file.Name);
        Assert.Equal(7, file.Length);
        Assert.Equal(7, await file.ReadAsync(buffer, Token));
        Assert.Equal("content"u8, buffer.AsSpan(0, 7));
        Assert.Equal(0, await file.ReadAsync(buffer, Token));
        file.Position = 3;
        Assert.Equal('t', file.ReadByte());
        Assert.False(file.CanWrite);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_file_that_was_read_can_be_written_although_a_program_that_is_being_started_still_has_a_copy_of_its_handle(bool isAsync)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "On Windows, nothing is handed to a program that is started.");
        FileStream read = OrdinaryFile.Open(Write("file", "content"));
        using SafeFileHandle copy = OddFiles.Copy(read.SafeFileHandle);

        if (isAsync)
        {
            await read.DisposeAsync();
        }
        else
        {
            read.Dispose();
        }

        using FileStream written = new(PathOf("file"), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        Assert.Equal(7, written.Length);
    }

    [Fact]
    public void A_link_to_a_file_is_followed()
        => Assert.Equal("content"u8, OrdinaryFile.ReadAllBytes(OddFiles.Link(PathOf("link"), Write("file", "content")), 7));

    [Fact]
    public void What_is_not_there_is_reported_as_such()
    {
        Assert.Throws<FileNotFoundException>(() => OrdinaryFile.Open(PathOf("none")));
        Assert.ThrowsAny<IOException>(() => OrdinaryFile.Open(PathOf("none/below")));
        Assert.ThrowsAny<IOException>(() => OrdinaryFile.Open(Path.Combine(Write("file", "content"), "below")));
        Assert.ThrowsAny<IOException>(() => OrdinaryFile.Open(OddFiles.Link(PathOf("dangling"), PathOf("none"))));
    }

    [Fact]
    public async Task A_named_pipe_is_refused_and_never_waited_for()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), OddFiles.NotOnWindows);
        string pipe = OddFiles.Pipe(PathOf("pipe"));
        string link = OddFiles.Link(PathOf("link"), pipe);

        foreach (string path in (string[])[pipe, link])
        {
            var refusal = await Eventually.DoneAsync(
                Task.Run(() => Assert.Throws<NotOrdinaryFileException>(() => OrdinaryFile.Open(path)), Token), "the refusal of a pipe");
            Assert.Equal($"'{path}' is a named pipe, not an ordinary file.", refusal.Message);
        }
    }

    [Fact]
    public void A_folder_a_socket_and_a_device_are_refused()
    {
        Assert.Equal(FileKind.Folder, Assert.Throws<NotOrdinaryFileException>(() => OrdinaryFile.Open(_folder.FullName)).Kind);

        Assert.SkipWhen(OperatingSystem.IsWindows(), OddFiles.NotOnWindows);
        Assert.Equal(FileKind.Socket, Assert.Throws<NotOrdinaryFileException>(() => OrdinaryFile.Open(OddFiles.Socket(PathOf("socket")))).Kind);
        Assert.Equal(FileKind.Device, Assert.Throws<NotOrdinaryFileException>(() => OrdinaryFile.Open(OddFiles.Device(PathOf("device")))).Kind);
        Assert.Equal(FileKind.Device, Assert.Throws<NotOrdinaryFileException>(() => OrdinaryFile.ReadAllBytes("/dev/zero", 10)).Kind);
    }

    [Fact]
    public async Task A_pipe_that_takes_a_file_s_place_at_the_last_moment_is_not_waited_for()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), OddFiles.NotOnWindows);
        string file = Write("file", "content");
        string pipe = OddFiles.Pipe(PathOf("pipe"));
        string name = PathOf("name");
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(Token);

        Task swapping = Task.Run(
            () =>
            {
                for (bool isPipe = false; !ended.IsCancellationRequested; isPipe = !isPipe)
                {
                    File.Delete(PathOf("next"));
                    OddFiles.HardLink(PathOf("next"), isPipe ? pipe : file);
                    File.Move(PathOf("next"), name, overwrite: true);
                }
            },
            Token);
        Task reading = Task.Run(
            () =>
            {
                for (int i = 0; i < 2000; i++)
                {
                    try
                    {
                        Assert.Equal("content"u8, OrdinaryFile.ReadAllBytes(name, 100));
                    }
                    catch (IOException)
                    {
                        // It was the pipe, or nothing at all.
                    }
                }
            },
            Token);
        await Eventually.DoneAsync(reading, "the readings to end");
        await ended.CancelAsync();
        await swapping;
    }

    [Fact]
    public void No_more_is_read_than_can_be_of_use()
    {
        string file = Write("file", "content");

        Assert.Equal("content"u8, OrdinaryFile.ReadAllBytes(file, 7));
        Assert.Equal($"'{file}' has more than 6 bytes.", Assert.Throws<FileTooLongException>(() => OrdinaryFile.ReadAllBytes(file, 6)).Message);
        Assert.Empty(OrdinaryFile.ReadAllBytes(Write("empty", string.Empty), 0));
    }

    [Fact]
    public void A_file_that_claims_to_be_empty_is_read_to_its_limit()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux has files that claim to be empty and are not.");

        Assert.Equal(0, FileFacts.Of("/proc/self/maps")!.Length);
        Assert.Throws<FileTooLongException>(() => OrdinaryFile.ReadAllBytes("/proc/self/maps", 100));
    }

    [Fact]
    public void A_file_that_claims_to_be_empty_is_read_whole()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux has such files.");
        byte[] content = OrdinaryFile.ReadAllBytes("/proc/self/smaps", 100_000_000);

        Assert.InRange(content.Length, 4097, 100_000_000);
        Assert.Equal((byte)'\n', content[^1]);
    }

    [Fact]
    public void A_small_file_takes_little_memory_whatever_the_limit()
    {
        string file = Write("file", "content");
        long before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Equal("content"u8, OrdinaryFile.ReadAllBytes(file, 256 * 1024 * 1024));

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1024 * 1024);
    }

    [Fact]
    public void A_file_that_another_program_has_to_itself_cannot_be_read_now()
    {
        string path = Write("file", "content");
        using (new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
        {
            Assert.Throws<IOException>(() => OrdinaryFile.Open(path));
        }

        OrdinaryFile.Open(path).Dispose();
    }
}
