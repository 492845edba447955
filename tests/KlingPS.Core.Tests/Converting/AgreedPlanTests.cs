using CsCheck;
using KlingPS.Core.Api;
using KlingPS.Core.Converting;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;
using KlingPS.Core.Saving;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Ledger;
using KlingPS.Core.Tests.Saving;
using KlingPS.Core.Tests.Stages;
using KlingPS.Core.Tests.Submitting;

namespace KlingPS.Core.Tests.Converting;

/// <summary>What a plan says is what a run does, whatever is in the ledger before, and nothing else.</summary>
public sealed class AgreedPlanTests : IAsyncDisposable
{
    private const string PlanPath = "/plans/plan.json";

    private static readonly TimeSpan s_lifetime = TimeSpan.FromHours(1);

    private readonly PipelineHarness _harness = NewHarness();

    /// <summary>What the ledger and the disk have for an image before the plan is made.</summary>
    private enum Before
    {
        Nothing,
        Present,
        Gone,
        Failed,
        NoImage,
    }

    public ValueTask DisposeAsync() => _harness.DisposeAsync();

    [Fact]
    public Task A_run_does_what_the_plan_says_of_each_image_whether_it_follows_the_plan_or_not()
        => Gen.Select(Gen.Select(Gen.Enum<Before>(), Gen.Int[0, 4]).Array[1, 7], Gen.Int[0, 5].Nullable(), Gen.Int[0, 250].Nullable(), Gen.Bool, Gen.Bool).SampleAsync(
            async (images, maxTasks, maxCredits, retriesFailed, followsPlan) =>
            {
                await using PipelineHarness harness = NewHarness();
                Submission[] inputs = [.. images.Select((image, index) => Image(harness, index, image.Item2, image.Item1 == Before.NoImage, retriesFailed))];
                await PrepareAsync(harness, inputs, [.. images.Select(image => image.Item1)]);
                var budget = new BudgetLimit { RunId = "run", MaxTasks = maxTasks, MaxCredits = maxCredits };
                PlanDocument plan = await PlanAsync(harness, inputs, budget);
                int before = harness.Creates;

                AgreedPlan? agreed = followsPlan ? await OpenAsync(harness, plan, "run") : null;
                Outcome<ConversionItem, SavedVideo>[] outcomes = await RunAsync(harness, [.. inputs.Select(input => input with { RunId = "run", Budget = followsPlan ? null : budget })], agreed);

                Assert.Equal(plan.Totals.Made, harness.Creates - before);
                string[] actual = [.. outcomes.Select(ResultOf)];
                string[] expected = [.. plan.Items.Select(item => item.Result)];
                for (int i = 0; i < expected.Length; i++)
                {
                    // Of two images of the same video either may be the one that it is made for.
                    if ((expected[i], actual[i]) is (nameof(RunItemResult.Made), nameof(RunItemResult.Downloaded) or nameof(RunItemResult.Present))
                        && plan.Items.Where((item, j) => j != i && item.Identity == plan.Items[i].Identity && actual[j] == nameof(RunItemResult.Made)).Any())
                    {
                        continue;
                    }

                    // A second image of a video that is made in the run is made with it.
                    string said = expected[i] == nameof(RunItemResult.Pending) ? nameof(RunItemResult.Downloaded) : expected[i];
                    string found = followsPlan && expected[i] == nameof(RunItemResult.OverLimit) && actual[i] == nameof(RunItemResult.Refused) ? expected[i] : actual[i];
                    Assert.True(said == found || (expected[i] == nameof(RunItemResult.Pending) && found is nameof(RunItemResult.Present) or nameof(RunItemResult.Made)), $"{i}: planned {expected[i]}, was {actual[i]}");
                }
            },
            iter: 30,
            threads: 1);

    [Fact]
    public async Task A_plan_that_has_ended_is_refused_and_buys_nothing_more_while_it_is_carried_out()
    {
        Submission[] inputs = [Image(_harness, 0, 0), Image(_harness, 1, 1)];
        PlanDocument plan = await PlanAsync(_harness, inputs);
        AgreedPlan agreed = await OpenAsync(_harness, plan, "run");
        _harness.Clock.Advance(s_lifetime);

        Outcome<ConversionItem, SavedVideo>[] outcomes = await RunAsync(_harness, inputs, agreed);

        Assert.All(outcomes, outcome => Assert.Contains("The plan ended at", Refusal(outcome.Error), StringComparison.Ordinal));
        Assert.Equal(0, _harness.Creates);
        Assert.Contains("ended at", (await UnusableAsync(() => OpenAsync(_harness, plan, "another"))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_plan_that_ends_while_its_image_is_uploaded_buys_nothing()
    {
        Submission[] inputs = [Image(_harness, 0, 0)];
        PlanDocument plan = await PlanAsync(_harness, inputs);
        AgreedPlan agreed = await OpenAsync(_harness, plan, "run");
        _harness.Clock.Advance(s_lifetime - TimeSpan.FromSeconds(1));
        _harness.Service.On(FakeService.UploadPath, (request, token) =>
        {
            _harness.Clock.Advance(TimeSpan.FromSeconds(1));
            return PipelineHarness.AcceptUpload(request, token);
        });

        Assert.Contains("The plan ended at", Refusal(Assert.Single(await RunAsync(_harness, inputs, agreed)).Error), StringComparison.Ordinal);

        Assert.Equal((1, 0), (_harness.Uploads, _harness.Creates));
        Assert.Empty(await _harness.ListAsync());
    }

    [Fact]
    public async Task A_request_that_was_held_back_until_its_plan_has_ended_is_not_sent_again()
    {
        Submission[] inputs = [Image(_harness, 0, 0)];
        PlanDocument plan = await PlanAsync(_harness, inputs);
        AgreedPlan agreed = await OpenAsync(_harness, plan, "run");
        _harness.Clock.Advance(s_lifetime - TimeSpan.FromSeconds(1));
        _harness.Service.On(FakeService.CreatePath, Replies.Code(455, "Maintenance"), _harness.AcceptTask);

        Assert.Contains("The plan ended at", Refusal(Assert.Single(await RunAsync(_harness, inputs, agreed)).Error), StringComparison.Ordinal);

        Assert.Equal(1, _harness.Creates);
        Assert.Equal(KlingTaskState.Rejected, Assert.Single(await _harness.ListAsync()).TaskState);
    }

    [Fact]
    public async Task A_plan_that_ends_while_the_machine_sleeps_buys_nothing()
    {
        Submission[] inputs = [Image(_harness, 0, 0)];
        PlanDocument plan = await PlanAsync(_harness, inputs);
        AgreedPlan agreed = await OpenAsync(_harness, plan, "run");
        _harness.Service.On(FakeService.UploadPath, (request, token) =>
        {
            // Its other clock stands still meanwhile.
            _harness.Clock.SetTimeOfDay(s_lifetime);
            return PipelineHarness.AcceptUpload(request, token);
        });

        Assert.Contains("The plan ended at", Refusal(Assert.Single(await RunAsync(_harness, inputs, agreed)).Error), StringComparison.Ordinal);
        Assert.Equal(0, _harness.Creates);
    }

    [Fact]
    public async Task A_plan_lives_no_longer_where_the_clock_is_set_back()
    {
        Submission[] inputs = [Image(_harness, 0, 0)];
        PlanDocument plan = await PlanAsync(_harness, inputs);
        AgreedPlan agreed = await OpenAsync(_harness, plan, "run");
        _harness.Clock.Advance(s_lifetime);
        _harness.Clock.SetTimeOfDay(-TimeSpan.FromDays(2));

        Assert.Contains("The plan ended at", Refusal(Assert.Single(await RunAsync(_harness, inputs, agreed)).Error), StringComparison.Ordinal);
        Assert.Contains("which is still to come by the clock of the ledger", (await UnusableAsync(() => OpenAsync(_harness, plan, "another"))).Message, StringComparison.Ordinal);
        Assert.Equal(0, _harness.Creates);
        Assert.Null((await _harness.Ledger.Plans.FindAsync(plan.PlanId, _harness.Session.Account, CancellationToken.None)).Plan!.ClosedAt);
    }

    [Fact]
    public async Task A_clock_that_is_put_right_by_a_minute_ends_no_plan()
    {
        Submission[] inputs = [Image(_harness, 0, 0)];
        PlanDocument plan = await PlanAsync(_harness, inputs);
        _harness.Clock.SetTimeOfDay(-TimeSpan.FromMinutes(1));

        Assert.Null(Assert.Single(await RunAsync(_harness, inputs, await OpenAsync(_harness, plan, "run"))).Error);
    }

    [Fact]
    public async Task Another_account_another_service_and_another_ledger_carry_no_plan_out()
    {
        PlanDocument plan = await PlanAsync(_harness, [Image(_harness, 0, 0)]);
        await using KlingSession account = _harness.OpenSession("another-key-5d2f8e");
        await using KlingSession service = _harness.OpenSession("another-key-5d2f8e", new KlingEndpoints(new Uri("https://other.example/"), new Uri("https://other.example/")));
        await using PipelineHarness ledger = NewHarness();

        Assert.Contains("was made with the key of another account", (await UnusableAsync(() => OpenAsync(account, plan, "run"))).Message, StringComparison.Ordinal);
        Assert.Contains("was made for the service at", (await UnusableAsync(() => OpenAsync(service, plan, "run"))).Message, StringComparison.Ordinal);
        Assert.Contains("was made with the ledger", (await UnusableAsync(() => OpenAsync(ledger, plan, "run"))).Message, StringComparison.Ordinal);
        PlanDocument moved = (plan with { Ledger = ledger.Ledger.Location }).Sealed();
        Assert.Contains("is not known to its ledger", (await UnusableAsync(() => OpenAsync(ledger, moved, "run"))).Message, StringComparison.Ordinal);
        Assert.Null(await _harness.Ledger.Runs.FindLastAsync(new RunFilter(), CancellationToken.None));
    }

    [Fact]
    public async Task A_video_that_the_plan_has_bought_and_that_failed_is_not_bought_a_second_time_by_it()
    {
        _harness.Makes = _ => PipelineHarness.Failed("501", "no video");
        Submission[] inputs = [Image(_harness, 0, 0, retriesFailed: true)];
        PlanDocument plan = await PlanAsync(_harness, inputs);
        await RunAsync(_harness, [inputs[0] with { RunId = "run" }], await OpenAsync(_harness, plan, "run"));

        Outcome<ConversionItem, SavedVideo> again = Assert.Single(await RunAsync(_harness, [inputs[0] with { RunId = "more" }], await OpenAsync(_harness, plan, "more")));

        Assert.Equal((ErrorKind.TaskFailed, 1), (again.Error!.Kind, _harness.Creates));
    }

    [Theory]
    [InlineData(nameof(ITaskJournal.ListFailedAsync))]
    [InlineData(nameof(ITaskJournal.ClaimAsync))]
    public async Task A_video_that_another_run_of_the_plan_has_bought_meanwhile_and_that_failed_is_not_bought_again_by_it(string before)
    {
        Submission[] inputs = [Image(_harness, 0, 0, retriesFailed: true)];
        PlanDocument plan = await PlanAsync(_harness, inputs);
        await OpenAsync(_harness, plan, "theirs");
        AgreedPlan agreed = await OpenAsync(_harness, plan, "run");
        IdentifiedSubmission identified = await _harness.IdentifyAsync(inputs[0]);
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == before)
            {
                _harness.Ledger.BeforeCall = null;
                ITaskJournal other = _harness.Ledger.OfOtherProcess.Tasks;
                var intent = new TaskIntent { Account = _harness.Session.Account, Spec = identified.Submission.Spec, Identity = identified.Identity, Credits = 42, RunId = "theirs" };
                KlingVideoTask theirs = other.AcceptAsync(other.BeginAsync(intent, CancellationToken.None).GetAwaiter().GetResult().Id, "theirs").GetAwaiter().GetResult();
                other.RecordSnapshotAsync(theirs.Account, new TaskSnapshot { TaskId = "theirs", State = KlingTaskState.Failed }).GetAwaiter().GetResult();
            }
        };
        _harness.Tasks["theirs"] = PipelineHarness.Failed("501", "no video");

        Outcome<ConversionItem, SavedVideo> outcome = Assert.Single(await RunAsync(_harness, [inputs[0] with { RunId = "run" }], agreed));

        Assert.Null(_harness.Ledger.BeforeCall);
        Assert.Equal((ErrorKind.TaskFailed, 0), (outcome.Error?.Kind, _harness.Creates));
        Assert.StartsWith($"Nothing was bought for '{inputs[0].Subject}': the plan has bought its video once, as task", outcome.Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_the_plan_would_buy_again_is_bought_although_the_record_of_its_last_failure_was_removed()
    {
        _harness.Makes = _ => PipelineHarness.Failed("501", "no video");
        Submission[] inputs = [Image(_harness, 0, 0, retriesFailed: true)];
        await RunAsync(_harness, inputs, agreed: null);
        await RunAsync(_harness, inputs, agreed: null);
        PlanDocument plan = await PlanAsync(_harness, inputs);
        await _harness.Ledger.Tasks.RemoveAsync((await _harness.ListAsync()).Max(task => task.Id));
        _harness.Makes = PipelineHarness.Succeeded;

        Outcome<ConversionItem, SavedVideo> outcome = Assert.Single(await RunAsync(_harness, [inputs[0] with { RunId = "run" }], await OpenAsync(_harness, plan, "run")));

        Assert.Equal((null, 3), (outcome.Error, _harness.Creates));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task What_the_plan_would_buy_again_and_was_made_after_all_is_fetched(int made)
    {
        _harness.Makes = _ => PipelineHarness.Failed("501", "no video");
        Submission[] inputs = [Image(_harness, 0, 0, retriesFailed: true)];
        await RunAsync(_harness, inputs, agreed: null);
        await RunAsync(_harness, inputs, agreed: null);
        PlanDocument plan = await PlanAsync(_harness, inputs);
        string taskId = (await _harness.ListAsync()).OrderBy(task => task.Id).ElementAt(made).TaskId!;
        _harness.Tasks[taskId] = PipelineHarness.Succeeded(taskId);

        Outcome<ConversionItem, SavedVideo> outcome = Assert.Single(await RunAsync(_harness, [inputs[0] with { RunId = "run" }], await OpenAsync(_harness, plan, "run")));

        Assert.Equal((taskId, 2), (outcome.Value?.Task?.TaskId, _harness.Creates));
    }

    [Fact]
    public async Task A_task_that_the_plan_goes_on_with_and_that_is_gone_is_not_replaced()
    {
        Submission[] inputs = [Image(_harness, 0, 0)];
        await RunAsync(_harness, inputs, agreed: null);
        PlanDocument plan = await PlanAsync(_harness, inputs);
        Assert.Equal(nameof(RunItemResult.Present), Assert.Single(plan.Items).Result);
        await _harness.Ledger.Tasks.RemoveAsync(Assert.Single(await _harness.ListAsync()).Id);
        File.Delete(Assert.Single(Directory.GetFiles(DestinationOf(_harness))));

        Outcome<ConversionItem, SavedVideo> outcome = Assert.Single(await RunAsync(_harness, inputs, await OpenAsync(_harness, plan, "run")));

        Assert.Contains("which the ledger does not have for it any more, and buys nothing", Refusal(outcome.Error), StringComparison.Ordinal);
        Assert.Equal(1, _harness.Creates);
    }

    [Fact]
    public async Task A_plan_that_was_carried_out_in_part_does_not_buy_again_what_was_removed_from_the_ledger_since()
    {
        Submission[] inputs = [Image(_harness, 0, 0), Image(_harness, 1, 1)];
        PlanDocument plan = await PlanAsync(_harness, inputs);
        await RunAsync(_harness, [inputs[0] with { RunId = "run" }], await OpenAsync(_harness, plan, "run"));
        await OpenAsync(_harness, plan, "more");

        // As a script does that moves the videos away and tidies up.
        await _harness.Ledger.Tasks.RemoveAsync(Assert.Single(await _harness.ListAsync()).Id);
        File.Delete(Assert.Single(Directory.GetFiles(DestinationOf(_harness))));

        Assert.Contains("of 1 video that it has bought the ledger has no record any more", (await UnusableAsync(() => OpenAsync(_harness, plan, "again"))).Message, StringComparison.Ordinal);
        Assert.Equal(1, _harness.Creates);
    }

    [Theory]
    [InlineData(RunItemResult.Made, "Succeeded", null, true)]
    [InlineData(RunItemResult.Failed, "Failed", null, true)]
    [InlineData(RunItemResult.Failed, "Succeeded", null, false)]
    [InlineData(RunItemResult.Failed, null, null, false)]
    [InlineData(RunItemResult.OverLimit, null, null, false)]
    [InlineData(RunItemResult.Unknown, "Unknown", "KlingAttemptUnknown", false)]
    [InlineData(RunItemResult.Refused, null, "KlingPlanDiffers", true)]
    [InlineData(RunItemResult.Refused, null, "KlingFileUnreadable", false)]
    [InlineData(RunItemResult.Refused, null, null, false)]
    public async Task A_plan_is_used_up_unless_another_run_could_do_what_this_one_could_not(object result, string? state, string? error, bool isUsedUp)
    {
        PlanDocument plan = await PlanAsync(_harness, [Image(_harness, 0, 0)]);
        AgreedPlan agreed = await OpenAsync(_harness, plan, "run");
        RunItem[] items = [new RunItem { Identity = plan.Items[0].Identity, What = (RunItemResult)result, State = state, ErrorId = error }];

        await agreed.CloseAsync(ConversionSummary.From(RunTotals.Of(items)) with { Items = items });

        Assert.Equal(isUsedUp, (await _harness.Ledger.Plans.FindAsync(plan.PlanId, _harness.Session.Account, CancellationToken.None)).Plan!.ClosedAt is not null);
    }

    /// <summary>The share that the images are on is away for a moment, or something is in the way of a video.</summary>
    [Theory]
    [InlineData("image away")]
    [InlineData("file in the way")]
    [InlineData("folder of the videos cannot be used")]
    public async Task A_plan_whose_run_has_bought_nothing_because_of_the_disk_can_be_carried_out_again(string trouble)
    {
        Submission[] inputs = [Image(_harness, 0, 0)];
        PlanDocument plan = await PlanAsync(_harness, inputs);
        string image = inputs[0].Spec.Image!.Path!;
        string video = plan.Items[0].File!;
        if (trouble == "image away")
        {
            File.Move(image, image + ".away");
        }
        else if (trouble == "file in the way")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(video)!);
            File.WriteAllText(video, "Something else.");
        }
        else
        {
            Directory.CreateDirectory(video);
        }

        AgreedPlan agreed = await OpenAsync(_harness, plan, "run");
        var book = new ConversionBook("run", report: null);
        using (VideoConverter converter = NewConverter(_harness, agreed))
        {
            ConversionInput input = book.Add(image, name: null);
            input.Item = converter.Accept(inputs[0] with { RunId = "run" })!;
            Outcome<ConversionItem, SavedVideo> outcome = await _harness.Clock.RunAsync(converter.ConvertAsync(input.Item, CancellationToken.None));
            book.End(input, outcome);
            Assert.NotNull(outcome.Error);
            await converter.Runs.EndAsync(book.Close(RunEnding.Complete, null, converter)!, isComplete: true);
        }

        Assert.Equal(0, _harness.Creates);
        if (trouble == "image away")
        {
            File.Move(image + ".away", image);
        }
        else if (trouble == "file in the way")
        {
            File.Delete(video);
        }
        else
        {
            Directory.Delete(video);
        }

        Outcome<ConversionItem, SavedVideo> again = Assert.Single(await RunAsync(_harness, [inputs[0] with { RunId = "again" }], await OpenAsync(_harness, plan, "again")));
        Assert.Equal((null, 1), (again.Error?.Message, _harness.Creates));
    }

    [Fact]
    public async Task A_plan_is_read_as_it_was_written_and_not_otherwise()
    {
        PlanDocument plan = await PlanAsync(_harness, [Image(_harness, 0, 0)]);
        string path = Path.Combine(_harness.Folder, "plan.json");
        PlanFile.Write(path, plan);
        string text = await File.ReadAllTextAsync(path);

        Assert.Equal(plan.Digest, PlanFile.Read(path).Digest);
        Assert.Equal(plan.Digest, PlanFile.Parse(path, "\uFEFF" + text.Replace("\n", "\r\n", StringComparison.Ordinal)).Digest);
        Gen.Select(Gen.Int[0, text.Length - 2], Gen.Char[' ', '~']).Sample(
            (at, character) =>
            {
                string changed = text[..at] + character + text[(at + 1)..];
                Assert.Equal(changed != text, Record.Exception(() => PlanFile.Parse(path, changed)) is KlingException { Kind: ErrorKind.PlanUnusable });
            },
            iter: 300);
    }

    private static PipelineHarness NewHarness()
    {
        var harness = new PipelineHarness { Makes = PipelineHarness.Succeeded };
        harness.Videos.ContentOf = uri => TestMp4.Create(3000, uri.AbsolutePath.Aggregate(17, (hash, character) => unchecked((hash * 31) + character)));
        return harness;
    }

    private static string DestinationOf(PipelineHarness harness) => Path.Combine(harness.Folder, "videos");

    private static Submission Image(PipelineHarness harness, int index, int content, bool isNone = false, bool retriesFailed = false)
    {
        string path = harness.Image($"{index}.png", (uint)content);
        if (isNone)
        {
            File.WriteAllText(path, "No image.");
        }

        return Submissions.FromFile(path) with { RetryFailed = retriesFailed };
    }

    /// <summary>Brings the ledger and the disk to what they are before the plan.</summary>
    private static async Task PrepareAsync(PipelineHarness harness, Submission[] inputs, Before[] before)
    {
        harness.Makes = _ => PipelineHarness.Failed("501", "no video");
        await RunAsync(harness, [.. inputs.Where((_, index) => before[index] == Before.Failed)], agreed: null);
        harness.Makes = PipelineHarness.Succeeded;
        Outcome<ConversionItem, SavedVideo>[] made = await RunAsync(harness, [.. inputs.Where((_, index) => before[index] is Before.Present or Before.Gone)], agreed: null);
        foreach (Outcome<ConversionItem, SavedVideo> outcome in made.Where(outcome => before[Array.FindIndex(inputs, input => input.Subject == outcome.Item.Submission.Subject)] == Before.Gone && outcome.Value is not null))
        {
            File.Delete(outcome.Value!.Path);
        }
    }

    private static async Task<PlanDocument> PlanAsync(PipelineHarness harness, Submission[] inputs, BudgetLimit? budget = null)
    {
        using VideoConverter converter = NewConverter(harness, agreed: null);
        var book = new ConversionBook("plan", report: null);
        var limits = new PlanBudget(budget ?? new BudgetLimit());
        foreach (Submission submission in inputs)
        {
            ConversionInput input = book.Add(submission.Subject, name: null);
            input.Asked = submission;
            try
            {
                input.Plan = await converter.Planner.PlanAsync(converter.Accept(submission)!, isWhatIf: true, CancellationToken.None);
                input.IsWithinBudget = limits.TryAdd(input.Plan);
                if (!input.IsWithinBudget)
                {
                    converter.Planner.Decline(input.Plan);
                }
            }
            catch (KlingException exception)
            {
                input.Error = exception;
            }
        }

        KlingSession session = harness.Session;
        IReadOnlyList<PlanItem> items = book.ToPlanItems();
        DateTimeOffset now = await session.Ledger.Tasks.ReadClockAsync(CancellationToken.None);
        PlanDocument plan = PlanFile.Seal(
            new PlanDocument
            {
                PlanId = "plan",
                CreatedAt = now,
                EndsAt = now + s_lifetime,
                Versions = new RunVersions("0.1.0", "7.6.0", "10.0.0"),
                Machine = new RunMachine("here", "Linux", "X64", 1),
                Account = new RunAccount(session.Fingerprint, session.Endpoints.Api.ToString(), IsSandbox: false),
                Ledger = session.Ledger.Location,
                Limits = new PlanLimits(budget?.MaxCredits, budget?.MaxTasks, null),
                Destination = DestinationOf(harness),
                NameTemplate = NameTemplate.DefaultText,
                Choices = new PlanChoices(false, false, false, false, false),
                Parameters = new Dictionary<string, System.Text.Json.JsonElement>(),
                Totals = PlanTotals.Of(items),
                Items = items,
                Digest = string.Empty,
            },
            text => text);
        await session.Ledger.Plans.AddAsync(new PlanRecord(plan.PlanId, session.Account, plan.Digest, plan.CreatedAt, plan.EndsAt), CancellationToken.None);
        return plan;
    }

    private static Task<AgreedPlan> OpenAsync(PipelineHarness harness, PlanDocument plan, string run) => OpenAsync(harness.Session, plan, run);

    private static Task<AgreedPlan> OpenAsync(KlingSession session, PlanDocument plan, string run)
        => AgreedPlan.OpenAsync(PlanPath, plan, session, new RunRecord(run, session.Account, "ConvertTo-KlingVideo", session.TimeProvider.GetUtcNow()), isWhole: true, CancellationToken.None);

    private static VideoConverter NewConverter(PipelineHarness harness, AgreedPlan? agreed)
        => new(harness.NewService(), new ConversionOptions { Save = new SaveOptions { Destination = DestinationOf(harness) }, Plan = agreed });

    private static async Task<Outcome<ConversionItem, SavedVideo>[]> RunAsync(PipelineHarness harness, Submission[] inputs, AgreedPlan? agreed)
    {
        using VideoConverter converter = NewConverter(harness, agreed);
        ConversionItem[] items = [.. inputs.Select(input => converter.Accept(input)!)];
        return await harness.Clock.RunAsync(Task.WhenAll(items.Select(item => Task.Run(() => converter.ConvertAsync(item, CancellationToken.None)))));
    }

    private static string ResultOf(Outcome<ConversionItem, SavedVideo> outcome) => (outcome.Item.Progress?.Result ?? RunResults.Of(outcome.Error!.Kind, isPaid: false)).ToString();

    private static string Refusal(KlingException? error)
    {
        Assert.Equal(ErrorKind.PlanDiffers, error?.Kind);
        return error!.Message;
    }

    private static async Task<KlingException> UnusableAsync(Func<Task> open)
    {
        KlingException exception = await Assert.ThrowsAsync<KlingException>(open);
        Assert.Equal(ErrorKind.PlanUnusable, exception.Kind);
        return exception;
    }
}
