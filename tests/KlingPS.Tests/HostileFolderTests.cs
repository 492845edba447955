using System.Security.Cryptography;
using KlingPS.Core.Ledger;
using KlingPS.Sessions;
using KlingPS.Tests.Hosting;

namespace KlingPS.Tests;

/// <summary>Commands in folders that hold links, pipes, sockets, devices and second names.</summary>
public sealed class HostileFolderTests
{
    private const string Convert = "ConvertTo-KlingVideo $image -Prompt $prompt -Destination $destination -PollingInterval 0.1";

    public static TheoryData<string> Kinds { get; } = [.. OddFiles.Kinds.Except(["link", "hard link"])];

    private static string Hash(string path) => System.Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));

    [Fact]
    public async Task Force_through_a_link_to_the_folder_overwrites_no_video_that_is_paid_for()
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string image = shell.Image();
        string link = OddFiles.FolderLink(Path.Combine(shell.Folder, "link"), shell.Destination);
        Directory.CreateDirectory(shell.Destination);
        (await shell.RunAsync(Convert, new { image, prompt = "One.", destination = shell.Destination })).Clean();
        string first = Hash(Path.Combine(shell.Destination, "image.mp4"));

        ShellResult second = (await shell.RunAsync(Convert + " -Force", new { image, prompt = "Two.", destination = link })).Clean();
        ShellResult again = (await shell.RunAsync(Convert + " -Force", new { image, prompt = "Two.", destination = shell.Destination })).Clean();

        Assert.Equal(first, Hash(Path.Combine(shell.Destination, "image.mp4")));
        Assert.Equal(Path.Combine(link, "image-2.mp4"), Assert.Single(second.Of<FileInfo>()).FullName);
        Assert.Equal(Path.Combine(shell.Destination, "image-2.mp4"), Assert.Single(again.Of<FileInfo>()).FullName);
        Assert.Equal(2, shell.Bill.CreatesAccepted);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" -Force")]
    [InlineData(" -WhatIf")]
    public async Task A_folder_in_the_place_of_a_video_is_that_image_s_error_and_the_others_are_made(string parameter)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        Directory.CreateDirectory(Path.Combine(shell.Destination, "one.mp4"));

        ShellResult result = await shell.RunAsync(
            "$image | " + Convert.Replace(" $image", string.Empty, StringComparison.Ordinal) + parameter,
            new { image = shell.Images("one.png", "two.png"), prompt = "It moves.", destination = shell.Destination });

        Assert.Equal("KlingDestinationUnusable", Assert.Single(result.Errors).FullyQualifiedErrorId.Split(',')[0]);
        Assert.Contains($"Nothing was bought for '{Path.Combine(shell.Folder, "one.png")}'", result.Errors[0].Exception.Message, StringComparison.Ordinal);
        Assert.Equal(parameter == " -WhatIf" ? [] : ["two.mp4"], result.Of<FileInfo>().Select(video => video.Name));
        Assert.Equal(parameter == " -WhatIf" ? 0 : 1, shell.Bill.CreatesAccepted);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task An_image_that_is_no_file_is_one_error_and_holds_up_no_other(string kind)
    {
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string odd = Path.Combine(shell.Folder, "odd.png");
        OddFiles.Put(kind, odd, Path.Combine(shell.Folder, "theirs"));

        ShellResult result = await Eventually.DoneAsync(
            shell.RunAsync(
                "$image | " + Convert.Replace(" $image", string.Empty, StringComparison.Ordinal),
                new { image = (string[])[odd, shell.Image()], prompt = "It moves.", destination = shell.Destination }),
            "the other image's video");

        Assert.Contains(odd, Assert.Single(result.Errors).Exception.Message, StringComparison.Ordinal);
        Assert.Single(result.Of<FileInfo>());
        Assert.Equal(1, shell.Bill.CreatesAccepted);
    }

    private static LedgerUse Use(params string[] parts) => Ledgers.Use(new FileAddress(Path.Combine([.. parts, "ledger.db"])));

    [Fact]
    public void A_ledger_is_one_however_its_path_is_spelled()
    {
        string folder = Directory.CreateTempSubdirectory("klingps-").FullName;
        try
        {
            Directory.CreateDirectory(Path.Combine(folder, "real"));
            OddFiles.FolderLink(Path.Combine(folder, "link"), "real");

            Assert.Same(Use(folder, "real").Ledger, Use(folder, "link").Ledger);
            Assert.NotSame(Use(folder, "real").Ledger, Use(folder).Ledger);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("Send-KlingImage $path")]
    [InlineData("Test-KlingImage $path")]
    [InlineData("New-KlingVideoTask $path -Prompt 'It moves.'")]
    [InlineData("New-KlingVideoTask $image -Prompt 'It moves.' -Model kling/v2-1-pro -TailImagePath $path")]
    [InlineData("Measure-KlingVideoCost $path")]
    public async Task A_pipe_is_refused_by_every_command_that_takes_an_image(string command)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), OddFiles.NotOnWindows);
        await using ConnectedShell shell = await ConnectedShell.StartAsync();
        string path = OddFiles.Pipe(Path.Combine(shell.Folder, "pipe.png"));

        ShellResult result = await Eventually.DoneAsync(shell.RunAsync(command, new { path, image = shell.Image() }), "the refusal");

        Assert.Equal("KlingFileUnreadable", Assert.Single(result.Errors).FullyQualifiedErrorId.Split(',')[0]);
        Assert.Equal(0, shell.Bill.CreatesAccepted);
    }
}
