using System.Runtime.Versioning;
using System.Text;
using KlingPS.Core.Model;
using KlingPS.Core.Submitting;

namespace KlingPS.Core.Tests.Submitting;

public sealed class PromptFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("klingps-");
    private readonly List<string> _empty = [];

    private string Image => Path.Combine(_folder.FullName, "fox.png");

    public void Dispose() => _folder.Delete(recursive: true);

    private void Write(string name, string text, Encoding? encoding = null) => File.WriteAllText(Path.Combine(_folder.FullName, name), text, encoding ?? new UTF8Encoding(false));

    /// <summary>The prompt as it would be sent.</summary>
    private async Task<string?> ReadAsync() => (await PromptFile.ReadAsync(Image, ModelCatalog.Default, TestContext.Current.CancellationToken))?.Text is string text ? PromptText.Parse(text) : null;

    /// <summary>What is wrong with the prompt, as the user of a command is told.</summary>
    private async Task<string> RefuseAsync()
    {
        Submission submission = await PromptFile.ApplyAsync(Submissions.FromFile(Image), _empty.Add, TestContext.Current.CancellationToken);
        KlingException error = Assert.Throws<KlingException>(() => new IdentifiedSubmission(submission, null, null, string.Empty) { Given = submission.Spec }.Validate());
        Assert.Equal(ErrorKind.RequestInvalid, error.Kind);
        return error.Message;
    }

    private async Task<KlingException> FailAsync() => await Assert.ThrowsAsync<KlingException>(ReadAsync);

    [Fact]
    public async Task An_image_without_a_text_file_has_no_prompt_of_its_own() => Assert.Null(await ReadAsync());

    [Fact]
    public async Task The_file_that_names_the_whole_image_goes_first_and_an_empty_one_does_not_count()
    {
        Write("fox.txt", "The other.");
        Assert.Equal("The other.", await ReadAsync());

        Write("fox.png.txt", "  \r\n\t");
        Assert.Equal("The other.", await ReadAsync());

        Write("fox.png.txt", "\r\n  A fox runs. \n It stops.\n");
        Assert.Equal("A fox runs.\n It stops.", await ReadAsync());
    }

    [Fact]
    public async Task Where_there_is_no_prompt_the_empty_file_that_should_have_it_is_named()
    {
        Write("fox.txt", "\u200B\r\n");
        Submission submission = Submissions.FromFile(Image).Asking(spec => spec with { Prompt = null });

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => PromptFile.ApplyAsync(submission, _empty.Add, TestContext.Current.CancellationToken));

        Assert.Contains($"It has no prompt: '{Path.Combine(_folder.FullName, "fox.txt")}' is empty.", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Links to a text beside the image's folder.</summary>
    public static TheoryData<string> LeakingLinks { get; } = ["file", "relative file", "file in a linked folder", "link to a link", "nothing"];

    [Theory]
    [MemberData(nameof(LeakingLinks))]
    public async Task A_prompt_file_that_is_a_link_to_a_file_elsewhere_does_not_leak_that_file(string link)
    {
        DirectoryInfo images = _folder.CreateSubdirectory("images");
        DirectoryInfo secrets = _folder.CreateSubdirectory("secrets");
        string secret = Path.Combine(secrets.FullName, "credentials");
        await File.WriteAllTextAsync(secret, "the password", TestContext.Current.CancellationToken);
        string prompt = Path.Combine(images.FullName, "fox.txt");
        switch (link)
        {
            case "file in a linked folder":
                OddFiles.FolderLink(Path.Combine(images.FullName, "more"), secrets.FullName);
                OddFiles.Link(prompt, Path.Combine("more", "credentials"));
                break;
            case "link to a link":
                OddFiles.Link(Path.Combine(images.FullName, "first"), secret);
                OddFiles.Link(prompt, "first");
                break;
            default:
                OddFiles.Link(prompt, link switch { "file" => secret, "nothing" => secret + "-nothing", _ => Path.Combine("..", "secrets", "credentials") });
                break;
        }

        KlingException error = await Assert.ThrowsAsync<KlingException>(
            () => PromptFile.ReadAsync(Path.Combine(images.FullName, "fox.png"), ModelCatalog.Default, TestContext.Current.CancellationToken));

        Assert.Equal(ErrorKind.RequestInvalid, error.Kind);
        Assert.Contains($"The prompt file '{prompt}' is a link that leads out of the folder of its image", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("password", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_prompt_file_may_be_a_link_within_the_folder_and_the_folder_one_itself()
    {
        _folder.CreateSubdirectory("images/prompts");
        Write("images/prompts/all.txt", "A fox runs.");
        OddFiles.Link(Path.Combine(_folder.FullName, "images", "fox.txt"), Path.Combine("prompts", "all.txt"));
        string link = OddFiles.FolderLink(Path.Combine(_folder.FullName, "link"), "images");

        Assert.Equal("A fox runs.", (await PromptFile.ReadAsync(Path.Combine(link, "fox.png"), ModelCatalog.Default, TestContext.Current.CancellationToken))?.Text);
    }

    [Theory]
    [InlineData("folder")]
    [InlineData("pipe")]
    [InlineData("socket")]
    public async Task A_prompt_file_that_is_no_file_is_an_error_and_not_waited_for(string kind)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() && kind != "folder", OddFiles.NotOnWindows);
        OddFiles.Put(kind, Path.Combine(_folder.FullName, "fox.txt"), Path.Combine(_folder.FullName, "theirs"));

        KlingException error = await Eventually.DoneAsync(FailAsync(), "the refusal");

        Assert.Equal(ErrorKind.FileUnreadable, error.Kind);
        Assert.Contains($"fox.txt' is a {(kind == "pipe" ? "named pipe" : kind)}, not an ordinary file", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_prompt_file_without_end_is_not_read_without_end()
    {
        Write("fox.txt", new string('x', 64 * 1024) + "y");

        Assert.Contains("has more than 65,536 bytes", (await FailAsync()).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("utf-8")]
    [InlineData("utf-16")]
    [InlineData("utf-16BE")]
    [InlineData("utf-32")]
    public async Task A_byte_order_mark_says_how_it_is_written(string encoding)
    {
        Write("fox.txt", "Füchsin 跑 🦊", Encoding.GetEncoding(encoding));

        Assert.Equal("Füchsin 跑 🦊", await ReadAsync());
    }

    [Fact]
    public async Task Text_without_a_mark_is_UTF_8()
    {
        Write("fox.txt", "Füchsin 跑 🦊");

        Assert.Equal("Füchsin 跑 🦊", await ReadAsync());
    }

    [Fact]
    public async Task A_prompt_may_be_as_long_as_the_service_takes_and_no_longer()
    {
        Write("fox.txt", new string('x', ModelCatalog.Default.MaxPromptLength) + "\n");
        Assert.Equal(ModelCatalog.Default.MaxPromptLength, (await ReadAsync())!.Length);

        Write("fox.txt", new string('x', ModelCatalog.Default.MaxPromptLength + 1));
        string error = await RefuseAsync();
        Assert.Contains("fox.txt' has 2501 characters", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_in_another_encoding_is_refused_before_its_letters_are_paid_for()
    {
        Write("fox.txt", "A fox.\r\nEine Füchsin.", Encoding.Latin1);

        KlingException error = await FailAsync();

        Assert.Equal(ErrorKind.RequestInvalid, error.Kind);
        Assert.Contains("fox.txt' is not UTF-8: the byte 0xFC at line 2, column 7", error.Message, StringComparison.Ordinal);
        Assert.EndsWith("such as Windows-1252. Save the file as UTF-8.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task UTF_16_without_a_mark_is_refused_and_called_by_its_name()
    {
        Write("fox.txt", "A fox runs.", new UnicodeEncoding(bigEndian: false, byteOrderMark: false));
        string error = await RefuseAsync();
        Assert.Contains("fox.txt' has U+0000, a NUL character, at line 1, column 2 (11 such characters in all): it is UTF-16", error, StringComparison.Ordinal);
        Assert.Contains("Save the file as UTF-8", error, StringComparison.Ordinal);

        Write("fox.txt", "Füchsin", new UnicodeEncoding(bigEndian: true, byteOrderMark: false));
        Assert.Contains("It looks like UTF-16 without a byte order mark. Save the file as UTF-8.", (await FailAsync()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_damaged_behind_a_mark_is_refused()
    {
        byte[] cut = [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes("A fox 🦊")];
        await File.WriteAllBytesAsync(Path.Combine(_folder.FullName, "fox.txt"), cut[..^2], TestContext.Current.CancellationToken);
        Assert.Contains("U+FFFD", await RefuseAsync(), StringComparison.Ordinal);

        await File.WriteAllBytesAsync(Path.Combine(_folder.FullName, "fox.txt"), [.. Encoding.UTF8.Preamble, (byte)'f', 0xFC], TestContext.Current.CancellationToken);
        Assert.Contains("U+FFFD, the sign for a character that could not be read, at line 1, column 2", await RefuseAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_far_too_long_is_not_even_read()
    {
        using (FileStream file = File.Create(Path.Combine(_folder.FullName, "fox.txt")))
        {
            file.SetLength(10L * 1024 * 1024 * 1024);
        }

        Assert.Equal(ErrorKind.RequestInvalid, (await FailAsync()).Kind);
    }

    [Fact]
    [UnsupportedOSPlatform("windows")]
    public async Task A_file_that_cannot_be_read_is_an_error_that_names_it()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess, "Nothing is unreadable for this user.");
        Write("fox.txt", "A fox runs.");
        File.SetUnixFileMode(Path.Combine(_folder.FullName, "fox.txt"), UnixFileMode.None);

        KlingException error = await FailAsync();

        Assert.Equal(ErrorKind.FileUnreadable, error.Kind);
        Assert.Contains("fox.txt", error.Message, StringComparison.Ordinal);
    }
}
