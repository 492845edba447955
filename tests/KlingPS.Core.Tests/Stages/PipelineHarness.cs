using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using System.Web;
using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Secrets;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Imaging;
using KlingPS.Core.Tests.Ledger;
using KlingPS.Core.Tests.Saving;
using KlingPS.Core.Tests.Submitting;

namespace KlingPS.Core.Tests.Stages;

/// <summary>A session with a scripted service, a file server, a ledger and a folder, all on one clock.</summary>
internal sealed partial class PipelineHarness : IAsyncDisposable
{
    private int _accepted;

    /// <param name="time">The clock of the session, where it is to be another than <see cref="Clock"/>, over which it is made.</param>
    /// <param name="keeps">See <see cref="TestLedger"/>.</param>
    public PipelineHarness(Func<TimeProvider, TimeProvider>? time = null, bool keeps = false)
    {
        Folder = Directory.CreateTempSubdirectory("klingps-").FullName;
        Ledger = new TestLedger(Clock, keeps);
        Session = new KlingSession(new SessionOptions
        {
            Endpoints = KlingEndpoints.Default,
            Key = ApiKey.From(ClientHarness.Secret),
            KeySource = "the test",
            ApiHandler = Service,
            DownloadHandler = Videos,
            Ledger = Ledger,
            TimeProvider = time?.Invoke(Clock) ?? Clock,
        });
        Service
            .On(FakeService.UploadPath, AcceptUpload)
            .On(FakeService.CreatePath, AcceptTask)
            .On(FakeService.QueryPath, AnswerQuery);
    }

    public string Folder { get; }

    public TestClock Clock { get; } = new();

    public FakeService Service { get; } = new();

    public VideoServer Videos { get; } = new(TestMp4.Create(5000));

    internal TestLedger Ledger { get; }

    public KlingSession Session { get; }

    public RecordingObserver Observer { get; } = new();

    /// <summary>A session with another key at the same service, and with the same ledger.</summary>
    public KlingSession OpenSession(string key, KlingEndpoints? endpoints = null) => new(new SessionOptions
    {
        Endpoints = endpoints ?? KlingEndpoints.Default,
        Key = ApiKey.From(key),
        KeySource = "the test",
        ApiHandler = Service,
        DownloadHandler = Videos,
        Ledger = Ledger,
        TimeProvider = Clock,
    });

    /// <summary>A session at another machine, with the same key and the same ledger.</summary>
    public KlingSession OpenAtMachine(string machine) => new(new SessionOptions
    {
        Endpoints = KlingEndpoints.Default,
        Key = ApiKey.From(ClientHarness.Secret),
        KeySource = "the test",
        ApiHandler = Service,
        DownloadHandler = Videos,
        Ledger = Ledger.OfMachine(machine),
        TimeProvider = Clock,
    });

    /// <summary>A new command in the session.</summary>
    /// <param name="isObserved">Whether <see cref="Observer"/> is told of it.</param>
    public KlingService NewService(bool isObserved = true) => new(Session, isObserved ? Observer : null);

    /// <summary>Finds out which video a submission stands for.</summary>
    public Task<IdentifiedSubmission> IdentifyAsync(Submission submission)
        => Clock.RunAsync(new SubmissionIdentifier(new ImageUploader(NewService(isObserved: false)), Session).IdentifyAsync(submission, isPresent: false, CancellationToken.None));

    /// <summary>Has another process begin to buy a video.</summary>
    /// <returns>Its attempt, whose request has left and has no response yet.</returns>
    public async Task<KlingVideoTask> BeginElsewhereAsync(Submission submission)
    {
        IdentifiedSubmission identified = await IdentifyAsync(submission);
        return await Ledger.OfOtherProcess.Tasks.BeginAsync(
            new TaskIntent { Account = Session.Account, Spec = identified.Submission.Spec, Identity = identified.Identity, Credits = 42 },
            CancellationToken.None);
    }

    /// <summary>What the service says of its tasks, by id.</summary>
    public ConcurrentDictionary<string, Reply> Tasks { get; } = new();

    /// <summary>What the service says of a task from the moment it is bought, by its id; the test puts it into <see cref="Tasks"/> itself when this is not set.</summary>
    public Func<string, Reply>? Makes { get; set; }

    public int Creates => Service.To(FakeService.CreatePath).Count;

    public int Uploads => Service.To(FakeService.UploadPath).Count;

    public int Queries => Service.To(FakeService.QueryPath).Count;

    public static Reply Generating { get; } = Replies.Data("""{"state":"generating","resultJson":""}""");

    public static Reply Succeeded(string taskId) => Replies.Data($$"""{"taskId":"{{taskId}}","state":"success","resultJson":"{\"resultUrls\":[\"https://videos.example/{{taskId}}.mp4\"]}"}""");

    public static Reply Failed(string code, string message) => Replies.Data($$"""{"state":"fail","resultJson":"","failCode":"{{code}}","failMsg":"{{message}}"}""");

    /// <summary>One reply after the other; the last one from then on.</summary>
    public static Reply InTurn(params Reply[] replies)
    {
        int next = -1;
        return (request, cancellationToken) => replies[Math.Min(Interlocked.Increment(ref next), replies.Length - 1)](request, cancellationToken);
    }

    /// <summary>Writes an image whose content hangs on the seed alone.</summary>
    public string Image(string name, uint seed = 0)
    {
        string path = Path.Combine(Folder, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, ImageBytes.Png(640, 360 + seed));
        return path;
    }

    public Submission Submission(string name, uint seed = 0) => Submissions.FromFile(Image(name, seed));

    public async Task<Outcome<Submission, KlingVideoTask>> SubmitAsync(VideoSubmitter submitter, Submission submission, CancellationToken cancellationToken = default)
        => await Clock.RunAsync(submitter.SubmitAsync(submission, cancellationToken));

    /// <summary>A task that the service has accepted.</summary>
    /// <param name="taskId">The service's id.</param>
    /// <param name="sourcePath">The image; one that is named after the task if it is left out.</param>
    /// <param name="ledger">The ledger that records it, if it is another one.</param>
    public async Task<KlingVideoTask> AcceptedAsync(string taskId, string? sourcePath = null, ITaskLedger? ledger = null)
    {
        KlingVideoTask task = await BeganAsync(sourcePath ?? $"/images/{taskId}.png", ledger);
        return await (ledger ?? Ledger).Tasks.AcceptAsync(task.Id, taskId);
    }

    public Task<KlingVideoTask> BeganAsync(string sourcePath, ITaskLedger? ledger = null) => (ledger ?? Ledger).Tasks.BeginAsync(
        new TaskIntent { Account = Session.Account, Spec = ClientHarness.Video with { Image = ClientHarness.Video.Image! with { Path = sourcePath } }, Identity = sourcePath, Credits = 42 },
        CancellationToken.None);

    /// <summary>A task whose video is ready at <c>https://videos.example/</c>.</summary>
    public async Task<KlingVideoTask> FinishedAsync(string taskId, string? sourcePath = null)
    {
        await AcceptedAsync(taskId, sourcePath);
        return await Ledger.Tasks.RecordSnapshotAsync(
            Session.Account,
            new TaskSnapshot { TaskId = taskId, State = KlingTaskState.Succeeded, ResultUris = [$"https://videos.example/{taskId}.mp4"] });
    }

    public Task<IReadOnlyList<KlingVideoTask>> ListAsync() => Ledger.Tasks.ListAsync(new TaskFilter(), CancellationToken.None);

    /// <summary>How the service takes a file.</summary>
    public static async Task<HttpResponseMessage> AcceptUpload(SentRequest request, CancellationToken cancellationToken)
    {
        await request.ReadAsync(cancellationToken);
        string name = FileName().Match(Encoding.Latin1.GetString(request.Body)).Groups[1].Value;
        return await Replies.Data($$"""{"downloadUrl":"https://uploads.example/{{name}}"}""")(request, cancellationToken);
    }

    /// <summary>How the service accepts a request.</summary>
    public Task<HttpResponseMessage> AcceptTask(SentRequest request, CancellationToken cancellationToken)
    {
        string taskId = string.Create(CultureInfo.InvariantCulture, $"task-{Interlocked.Increment(ref _accepted)}");
        if (Makes is not null)
        {
            Tasks[taskId] = Makes(taskId);
        }

        return Replies.Accepts(taskId)(request, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await Session.DisposeAsync();
        await Ledger.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }

    [GeneratedRegex("name=\"fileName\"\r\n\r\n(.+)\r\n")]
    private static partial Regex FileName();

    private Task<HttpResponseMessage> AnswerQuery(SentRequest request, CancellationToken cancellationToken)
    {
        string taskId = HttpUtility.ParseQueryString(request.Uri.Query)["taskId"]!;
        return Tasks.GetValueOrDefault(taskId, Replies.Code(422, "recordInfo is null"))(request, cancellationToken);
    }
}
