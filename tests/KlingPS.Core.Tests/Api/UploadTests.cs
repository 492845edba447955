using System.Globalization;
using System.Text;
using KlingPS.Core.Api;
using KlingPS.Core.Files;

namespace KlingPS.Core.Tests.Api;

public sealed class UploadTests : IDisposable
{
    private const string ApiResponse = """
        {"success":true,"code":200,"msg":"File uploaded successfully","data":{"success":true,"fileName":"fox.png","filePath":"kieai/1/klingps/fox.png",
         "downloadUrl":"https://tempfile.redpandaai.co/kieai/1/klingps/fox.png","fileSize":200000,"mimeType":"image/png","uploadedAt":"2026-10-01T08:00:00.000Z"}}
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("klingps-").FullName;
    private readonly byte[] _image = new byte[200_000];
    private readonly ClientHarness _harness = new();
    private readonly List<long> _progress = [];

    public UploadTests()
    {
        new Random(1).NextBytes(_image);
        "\r\n--klingps-\r\n"u8.CopyTo(_image.AsSpan(1000));
        File.WriteAllBytes(ImagePath, _image);
        _harness.Service.On(FakeService.UploadPath, Replies.Json(ApiResponse));
    }

    private string ImagePath => Path.Combine(_folder, "Füchsin \"1\".png");

    public void Dispose()
    {
        _harness.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private Task<string> UploadAsync(CancellationToken cancellationToken = default) => _harness.Clock.RunAsync(_harness.Client.UploadAsync(
        new UploadRequest { Path = ImagePath, Open = () => SourceFile.OpenToReadOnce(ImagePath), FileName = "abc123.png", MimeType = "image/png", Progress = new Immediate(_progress.Add) },
        cancellationToken));

    [Fact]
    public async Task A_file_is_sent_as_a_form_that_says_where_it_goes()
    {
        string address = await UploadAsync();

        Assert.Equal("https://tempfile.redpandaai.co/kieai/1/klingps/fox.png", address);
        SentRequest sent = Assert.Single(_harness.Service.Requests);
        Assert.Equal("https://kieai.redpandaai.co/api/file-stream-upload", sent.Uri.AbsoluteUri);
        Assert.Equal("Bearer " + ClientHarness.Secret, sent.Headers["Authorization"]);
        Assert.Equal(sent.Body.Length, sent.ContentLength);
        Assert.Equal(
            [
                new FormPart("form-data; name=\"uploadPath\"", null, "klingps"),
                new FormPart("form-data; name=\"fileName\"", null, "abc123.png"),
                new FormPart("form-data; name=\"file\"; filename=\"abc123.png\"", "image/png", Convert.ToHexString(_image)),
            ],
            Parse(sent));
    }

    [Fact]
    public async Task A_host_that_takes_a_piece_of_the_file_now_and_then_is_given_up()
    {
        _harness.Service.On(FakeService.UploadPath, async (request, cancellationToken) =>
        {
            await request.CopyToAsync(new SlowStream(() => _harness.Clock.Advance(TimeSpan.FromSeconds(25))), cancellationToken);
            throw new InvalidOperationException("All of it was taken.");
        });

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(() => UploadAsync());

        Assert.Contains("less than 4 KB a second came through for 20 s", error.Message, StringComparison.Ordinal);
        Assert.Equal(5, _harness.Service.Requests.Count);
    }

    private sealed class SlowStream(Action onWrite) : MemoryStream
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            onWrite();
            await base.WriteAsync(buffer, cancellationToken);
        }
    }

    [Fact]
    public async Task Progress_grows_to_the_length_of_the_file()
    {
        await UploadAsync();

        Assert.True(_progress.Count > 1);
        Assert.Equal(_progress.Order(), _progress);
        Assert.Equal(_image.Length, _progress[^1]);
    }

    [Fact]
    public async Task A_repeated_upload_sends_the_whole_file_again()
    {
        _harness.Service.On(
            FakeService.UploadPath,
            Replies.FailsAfter(new HttpRequestException(HttpRequestError.ResponseEnded)),
            Replies.Html(502),
            Replies.Json(ApiResponse));

        await UploadAsync();

        Assert.Equal(3, _harness.Service.Requests.Count);
        Assert.All(_harness.Service.Requests, sent => Assert.Equal(Convert.ToHexString(_image), Parse(sent)[2].Content));
    }

    [Fact]
    public async Task Only_an_upload_that_stands_still_runs_out_of_time()
    {
        var arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _harness.Service.On(FakeService.UploadPath, Replies.Held(arrived, new TaskCompletionSource().Task, Replies.Json(ApiResponse)), Replies.Json(ApiResponse));
        var pause = TimeSpan.FromSeconds(59);
        Task<string> upload = _harness.Client.UploadAsync(
            new UploadRequest { Path = ImagePath, Open = () => SourceFile.OpenToReadOnce(ImagePath), FileName = "a.png", MimeType = "image/png", Progress = new Immediate(_ => _harness.Clock.Advance(pause)) },
            CancellationToken.None);
        await Eventually.DoneAsync(arrived.Task);
        pause = TimeSpan.Zero;
        _harness.Clock.Advance(TimeSpan.FromSeconds(1));
        await _harness.Clock.RunAsync(upload);

        // Four pieces of 59 seconds each would have been too much for a limit on the whole.
        Assert.InRange(_harness.Observer.Requests.First().Elapsed, TimeSpan.FromSeconds((4 * 59) + 1), TimeSpan.MaxValue);
        SentRequest first = _harness.Service.Requests.First();
        Assert.Equal(first.ContentLength, first.Body.Length);
    }

    [Theory]
    [InlineData("""{"code":200,"data":{"downloadUrl":"https://a.example/1.png"}}""")]
    [InlineData("""{"code":200,"data":{"fileUrl":"https://a.example/1.png","fileSize":"17"}}""")]
    [InlineData("""{"code":200,"data":{"downloadUrl":"https://a.example/1.png","fileUrl":"https://b.example/","fileSize":1e30}}""")]
    public async Task The_address_has_two_names_and_the_rest_may_be_missing(string answer)
    {
        _harness.Service.On(FakeService.UploadPath, Replies.Json(answer));

        Assert.Equal("https://a.example/1.png", await UploadAsync());
    }

    [Theory]
    [InlineData("""{"success":true,"code":200,"data":{}}""", ErrorKind.AnswerInvalid)]
    [InlineData("""{"success":true,"code":200}""", ErrorKind.AnswerInvalid)]
    [InlineData("""{"success":false,"code":400,"msg":"uploadPath is missing"}""", ErrorKind.RequestInvalid)]
    [InlineData("""{"success":false,"code":401,"msg":"invalid key"}""", ErrorKind.Unauthorized)]
    public async Task An_upload_that_is_refused_is_not_repeated(string answer, ErrorKind kind)
    {
        _harness.Service.On(FakeService.UploadPath, Replies.Json(answer));

        KlingApiException error = await Assert.ThrowsAsync<KlingApiException>(() => UploadAsync());

        Assert.Equal(kind, error.Kind);
        Assert.Contains(ImagePath, error.Message, StringComparison.Ordinal);
        Assert.Single(_harness.Service.Requests);
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_named_and_nothing_is_sent()
    {
        File.Delete(ImagePath);

        KlingException error = await Assert.ThrowsAsync<KlingException>(() => UploadAsync());

        Assert.Equal(ErrorKind.PathNotFound, error.Kind);
        Assert.Contains(ImagePath, error.Message, StringComparison.Ordinal);
        Assert.Empty(_harness.Service.Requests);
    }

    [Fact]
    public async Task The_file_is_let_go_whatever_becomes_of_the_upload()
    {
        _harness.Service.On(FakeService.UploadPath, Replies.Code(401, "no"));
        await Assert.ThrowsAsync<KlingApiException>(() => UploadAsync());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => UploadAsync(new CancellationToken(canceled: true)));

        using var exclusive = new FileStream(ImagePath, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
    }

    /// <summary>Takes a form apart, strictly: nothing before, between or behind its parts.</summary>
    private static List<FormPart> Parse(SentRequest sent)
    {
        const string Prefix = "multipart/form-data; boundary=";
        Assert.StartsWith(Prefix, sent.ContentType, StringComparison.Ordinal);
        string boundary = sent.ContentType![Prefix.Length..];
        string body = Encoding.Latin1.GetString(sent.Body);
        Assert.StartsWith($"--{boundary}\r\n", body, StringComparison.Ordinal);
        Assert.EndsWith($"\r\n--{boundary}--\r\n", body, StringComparison.Ordinal);
        string inner = body[(boundary.Length + 4)..^(boundary.Length + 8)];
        return [.. inner.Split($"\r\n--{boundary}\r\n").Select(part =>
        {
            string[] halves = part.Split("\r\n\r\n", 2);
            var headers = halves[0].Split("\r\n").Select(line => line.Split(": ", 2)).ToDictionary(pair => pair[0], pair => pair[1]);
            string? type = headers.GetValueOrDefault("Content-Type");
            return new FormPart(headers["Content-Disposition"], type, type is null ? halves[1] : Convert.ToHexString(Encoding.Latin1.GetBytes(halves[1])));
        })];
    }

    private sealed record FormPart(string Disposition, string? Type, string Content)
    {
        public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Disposition} {Type} {Content.Length}");
    }

    private sealed class Immediate(Action<long> report) : IProgress<long>
    {
        public void Report(long value) => report(value);
    }
}
