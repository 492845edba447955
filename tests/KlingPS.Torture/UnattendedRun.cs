using System.Globalization;
using System.Threading.Channels;
using KlingPS.Core;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Saving;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Core.Waiting;

namespace KlingPS.Torture;

/// <summary>A user's unattended run over a folder: buys what is not bought yet, waits, saves. Made to be killed.</summary>
internal static class UnattendedRun
{
    public const int AllDone = 0;
    public const int SomethingFailed = 1;

    /// <summary>Everything is done except for images whose purchase is unknown; they were left alone.</summary>
    public const int SomethingUnknown = 2;

    private const int Submissions = 4;
    private const int Downloads = 3;
    private static readonly TimeSpan s_pollingInterval = TimeSpan.FromMilliseconds(400);

    public static async Task<int> RunAsync(Arguments arguments)
    {
        BudgetLimit? budget = arguments.Find("max-credits") is string credits
            ? new BudgetLimit { RunId = arguments.Get("run-id"), MaxCredits = decimal.Parse(credits, CultureInfo.InvariantCulture) }
            : null;
        await using Client client = Client.Open(arguments);
        KlingSession session = client.Session;

        var service = new KlingService(session, observer: null);
        var submitter = new VideoSubmitter(service);
        var saver = new VideoSaver(service, new SaveOptions { Destination = Path.GetFullPath(arguments.Get("out")) });
        using var submissions = new ConcurrentStage<Submission, Outcome<Submission, KlingVideoTask>>(submitter.SubmitAsync, Submissions, inOrder: false);
        using var waiter = new WaitStage(service, new WaitOptions { PollingInterval = s_pollingInterval });
        using var saves = new ConcurrentStage<TaskReference, Outcome<TaskReference, SavedVideo>>(saver.SaveAsync, Downloads, inOrder: false);

        bool submitOnly = arguments.Has("submit-only");
        var errors = new List<KlingException>();
        await Task.WhenAll(
            PostImagesAsync(),
            ForwardAsync(submissions.Results, task => submitOnly ? Task.CompletedTask : waiter.PostAsync(Of(task), default), waiter.Complete),
            ForwardAsync(waiter.Results, task => saves.PostAsync(Of(task), default), saves.Complete),
            ForwardAsync(saves.Results, _ => Task.CompletedTask, () => { }));

        foreach (KlingException error in errors.OrderBy(error => error.Kind == ErrorKind.AttemptUnknown))
        {
            await Console.Error.WriteLineAsync($"{error.Kind}: {error.Message}");
        }

        return errors.Exists(error => error.Kind != ErrorKind.AttemptUnknown) ? SomethingFailed
            : errors.Count > 0 ? SomethingUnknown
            : AllDone;

        async Task PostImagesAsync()
        {
            foreach (string path in Directory.EnumerateFiles(Path.GetFullPath(arguments.Get("images"))).Order(StringComparer.Ordinal))
            {
                await submissions.PostAsync(
                    new Submission
                    {
                        Spec = new VideoSpec { Prompt = "The camera moves slowly closer.", Image = MediaSource.FromFile(path) },
                        ReusePurchase = true,
                        Budget = budget,
                    },
                    default);
            }

            submissions.Complete();
        }

        async Task ForwardAsync<TItem, TValue>(ChannelReader<Outcome<TItem, TValue>> results, Func<TValue, Task> forward, Action complete)
            where TValue : class
        {
            await foreach (Outcome<TItem, TValue> outcome in results.ReadAllAsync())
            {
                if (outcome.Error is not null)
                {
                    lock (errors)
                    {
                        errors.Add(outcome.Error);
                    }
                }
                else if (outcome.Value is not null)
                {
                    await forward(outcome.Value);
                }
            }

            complete();
        }
    }

    private static TaskReference Of(KlingVideoTask task) => new() { Task = task };
}
