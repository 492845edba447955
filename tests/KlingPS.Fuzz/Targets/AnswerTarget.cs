using System.Net;
using System.Net.Http.Headers;
using KlingPS.Core;
using KlingPS.Core.Api;
using KlingPS.Core.Model;
using KlingPS.Core.Secrets;

namespace KlingPS.Fuzz.Targets;

/// <summary>What the service answers to every request of the client. The body decides about status and headers as well, so that it says all.</summary>
internal sealed class AnswerTarget : FileTarget
{
    private const string TaskId = "task-1";

    private static readonly int[] s_statuses = [200, 200, 200, 200, 200, 201, 204, 302, 400, 401, 402, 404, 422, 429, 451, 455, 500, 501, 505, 524, 599];
    private static readonly string[] s_types = ["application/json", "application/json; charset=utf-8", "text/html", "text/plain; charset=utf-16", "application/json; charset=nonsense", ""];
    private static readonly VideoSpec s_video = new() { Prompt = "A fox runs.", Image = MediaSource.FromUri("https://images.example/fox.png") };

    private readonly Replies _replies = new();
    private readonly HttpMessageInvoker _http;
    private readonly ApiKey _key = ApiKey.From("5d41402abc4b2a76b9719d911017c592");
    private readonly KlingClient _client;
    private readonly string _image;

    public AnswerTarget()
    {
        _http = new HttpMessageInvoker(_replies);
        _client = new KlingClient(_http, KlingEndpoints.Default, _key, new KlingClientOptions { MaxAttempts = 1 });
        _image = PathOf("fox.png");
        File.WriteAllBytes(_image, new byte[16]);
    }

    public override string Name => "answers";

    public override async Task ReadAsync(byte[] input)
    {
        _replies.Body = input;
        await TryAsync(() => _client.CreateTaskAsync(s_video, default), taskId => Require(ServiceTaskId.IsValid(taskId), $"'{taskId}' was taken for the id of a task.")).ConfigureAwait(false);
        await TryAsync(() => _client.QueryTaskAsync(TaskId, default), Check).ConfigureAwait(false);
        await TryAsync(() => _client.GetCreditsAsync(default), _ => { }).ConfigureAwait(false);
        await TryAsync(() => _client.DescribeModelAsync("kling/v2-1-pro", "price", default), _ => { }).ConfigureAwait(false);
        await TryAsync(
            () => _client.UploadAsync(new UploadRequest { Path = _image, Open = () => File.OpenRead(_image), FileName = "fox.png", MimeType = "image/png" }, default),
            link => RequirePublic(new Uri(link))).ConfigureAwait(false);
        await TryAsync(() => _client.GetDownloadUriAsync(new Uri("https://files.example/a.mp4"), null, default), RequirePublic).ConfigureAwait(false);
    }

    protected override void Dispose(bool isDisposing)
    {
        if (isDisposing)
        {
            _http.Dispose();
            _replies.Dispose();
            _key.Dispose();
        }

        base.Dispose(isDisposing);
    }

    /// <summary>A refusal of one request is right; the others are still asked.</summary>
    private static async Task TryAsync<T>(Func<Task<T>> ask, Action<T> check)
    {
        try
        {
            check(await ask().ConfigureAwait(false));
        }
        catch (KlingException)
        {
        }
    }

    private static void Check(TaskSnapshot snapshot)
    {
        Require(snapshot.TaskId == TaskId, "The answer is about another task.");
        Require(snapshot.CreditsConsumed is null or (>= 0 and <= VideoPrice.Max), $"{snapshot.CreditsConsumed} was taken for a price.");
        Require(snapshot.FailMessage is null or { Length: <= 2000 }, "A message without end was kept.");
        foreach (string link in snapshot.ResultUris)
        {
            RequirePublic(new Uri(link));
        }
    }

    private static void RequirePublic(Uri link) => Require(
        link.Scheme == Uri.UriSchemeHttps && !link.IsLoopback && link.UserInfo.Length == 0 && link.Host != "169.254.169.254",
        $"'{link}' would be followed.");

    private static void Require(bool isRight, string problem)
    {
        if (!isRight)
        {
            throw new BrokenPromiseException(problem);
        }
    }

    /// <summary>Sends one body to every request, without a connection.</summary>
    private sealed class Replies : HttpMessageHandler
    {
        public byte[] Body { get; set; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            if (request.Content is not null)
            {
                await request.Content.CopyToAsync(Stream.Null, cancellationToken).ConfigureAwait(false);
            }

            uint choice = 2166136261;
            foreach (byte b in Body)
            {
                choice = (choice ^ b) * 16777619;
            }

            var content = new ByteArrayContent(Body);
            if (MediaTypeHeaderValue.TryParse(s_types[choice % s_types.Length], out MediaTypeHeaderValue? type))
            {
                content.Headers.ContentType = type;
            }

            var response = new HttpResponseMessage((HttpStatusCode)s_statuses[choice / 8 % s_statuses.Length]) { Content = content, RequestMessage = request };
            string header = System.Text.Encoding.Latin1.GetString(Body.AsSpan(0, Math.Min(Body.Length, 40)));
            response.Headers.TryAddWithoutValidation("Retry-After", choice % 5 == 0 ? "9999999999" : header);
            response.Headers.TryAddWithoutValidation("Location", header);
            return response;
        }
    }
}
