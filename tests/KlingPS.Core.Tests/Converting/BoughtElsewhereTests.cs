using System.Text.Json;
using KlingPS.Core.Api;
using KlingPS.Core.Converting;
using KlingPS.Core.Files;
using KlingPS.Core.Model;
using KlingPS.Core.Reporting;
using KlingPS.Core.Saving;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Imaging;
using KlingPS.Core.Tests.Ledger;
using KlingPS.Core.Tests.Saving;
using KlingPS.Core.Tests.Stages;
using KlingPS.Core.Tests.Submitting;

namespace KlingPS.Core.Tests.Converting;

/// <summary>What is known to be there already, although this account's records do not tell.</summary>
public sealed class BoughtElsewhereTests : IAsyncDisposable
{
    private readonly PipelineHarness _harness = new();
    private readonly PipelineHarness _other = new();
    private KlingSession? _second;

    public BoughtElsewhereTests()
    {
        foreach (PipelineHarness harness in new[] { _harness, _other })
        {
            harness.Makes = PipelineHarness.Succeeded;
            harness.Videos.ContentOf = uri => TestMp4.Create(3000, uri.AbsolutePath.Length + uri.AbsolutePath[^5]);
        }
    }

    private string Destination => Path.Combine(_harness.Folder, "videos");

    /// <summary>A session with another key of the same service and ledger.</summary>
    private KlingSession Second => _second ??= _harness.OpenSession("another-key-0123456789");

    public async ValueTask DisposeAsync()
    {
        await (_second?.DisposeAsync() ?? ValueTask.CompletedTask);
        await _harness.DisposeAsync();
        await _other.DisposeAsync();
    }

    private async Task FindAccountAsync(KlingSession session) => await _harness.Clock.RunAsync(new AccountFinder(session, _harness.Observer).FindAsync(default));

    private VideoConverter Converter(KlingSession session, bool overwrite = false, bool sidecar = false, string template = NameTemplate.DefaultText, PipelineHarness? harness = null) => new(
        new KlingService(session, (harness ?? _harness).Observer),
        new ConversionOptions
        {
            Save = new SaveOptions { Destination = Destination, Overwrite = overwrite, Template = NameTemplate.Parse(template) },
            WritesSidecar = sidecar,
        });

    private async Task<Outcome<ConversionItem, SavedVideo>> RunAsync(VideoConverter converter, Submission submission, PipelineHarness? harness = null)
    {
        using (converter)
        {
            ConversionItem item = converter.Accept(submission)!;
            Outcome<ConversionItem, SavedVideo> outcome = await (harness ?? _harness).Clock.RunAsync(converter.ConvertAsync(item, default));
            Assert.Equal(1, converter.Counts.Done);
            return outcome;
        }
    }

    private async Task<ConversionPlan> PlanAsync(VideoConverter converter, Submission submission)
    {
        using (converter)
        {
            return await _harness.Clock.RunAsync(converter.Planner.PlanAsync(converter.Accept(submission)!, isWhatIf: true, default));
        }
    }

    private async Task<SavedVideo> MadeAsync(Submission submission, KlingSession? session = null, bool sidecar = false, string template = NameTemplate.DefaultText)
    {
        Outcome<ConversionItem, SavedVideo> outcome = await RunAsync(Converter(session ?? _harness.Session, sidecar: sidecar, template: template), submission);
        Assert.Null(outcome.Error);
        return outcome.Value!;
    }

    /// <summary>Three videos of the first account, of which the last is returned; the service tells nobody else of them.</summary>
    private async Task<(Submission Submission, SavedVideo Video)> BoughtByOtherAccountAsync(int count = 3)
    {
        await FindAccountAsync(_harness.Session);
        for (uint number = 1; number < count; number++)
        {
            await MadeAsync(_harness.Submission($"other-{number}.png", 100 + number));
        }

        Submission fox = _harness.Submission("fox.png");
        SavedVideo video = await MadeAsync(fox);
        _harness.Tasks.Clear();
        _harness.Clock.Advance(TimeSpan.FromHours(1));
        await FindAccountAsync(Second);
        _harness.Observer.Warnings.Clear();
        return (fox, video);
    }

    [Fact]
    public async Task A_new_key_of_the_same_account_buys_nothing_again()
    {
        await FindAccountAsync(_harness.Session);
        Submission fox = _harness.Submission("fox.png");
        SavedVideo first = await MadeAsync(fox);
        await FindAccountAsync(Second);

        SavedVideo second = await MadeAsync(fox, Second);

        Assert.Equal((first.Path, 1), (second.Path, _harness.Creates));
        Assert.Single(_harness.Observer.Warnings);
    }

    [Fact]
    public async Task A_video_of_another_account_that_is_on_disk_is_used_and_that_is_said_in_the_plan_and_the_run()
    {
        (Submission fox, SavedVideo first) = await BoughtByOtherAccountAsync();

        ConversionPlan plan = await PlanAsync(Converter(Second), fox);
        Assert.Equal((ConversionStep.Nothing, first.Path), (plan.Step, plan.Path));
        Assert.Contains("bought with another key", plan.Remark, StringComparison.Ordinal);
        Assert.Single(_harness.Observer.Warnings);

        SavedVideo second = await MadeAsync(fox, Second);
        Assert.Equal((first.Path, 3), (second.Path, _harness.Creates));
        Assert.Contains("another account of this service", _harness.Observer.Warnings.Last(), StringComparison.Ordinal);
    }

    /// <summary>The other key buys a video once this one has found that nobody has, while its image is being uploaded.</summary>
    /// <param name="submission">The video.</param>
    /// <param name="then">Called when that is bought.</param>
    private void BuyMeanwhile(Submission submission, Func<KlingVideoTask, Task> then)
    {
        bool hasBegun = false;
        _harness.Service.On(FakeService.UploadPath, async (request, token) =>
        {
            if (!hasBegun)
            {
                hasBegun = true;
                await new AccountFinder(Second, _harness.Observer).FindAsync(token);
                Outcome<Submission, KlingVideoTask> theirs = await new VideoSubmitter(new KlingService(Second, _harness.Observer)).SubmitAsync(submission with { ReusePurchase = true }, token);
                await then(theirs.Value!);
            }

            return await PipelineHarness.AcceptUpload(request, token);
        });
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_folder_that_two_accounts_convert_at_the_same_time_is_paid_for_once(bool isKnown)
    {
        await FindAccountAsync(_harness.Session);
        if (isKnown)
        {
            await FindAccountAsync(Second);
            _harness.Clock.Advance(TimeSpan.FromMinutes(5));
            await FindAccountAsync(_harness.Session);
        }

        Submission fox = _harness.Submission("fox.png");
        BuyMeanwhile(fox, _ =>
        {
            _harness.Tasks.Clear();
            return Task.CompletedTask;
        });

        Outcome<ConversionItem, SavedVideo> ours = await RunAsync(Converter(_harness.Session), fox);

        Assert.Equal((ErrorKind.BoughtElsewhere, 1), (ours.Error?.Kind, _harness.Creates));
        Assert.Contains($"as task {Assert.Single(await _harness.ListAsync()).Id} here", ours.Error!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_folder_that_is_converted_with_two_keys_of_one_account_at_the_same_time_is_paid_for_and_saved_once()
    {
        await FindAccountAsync(_harness.Session);
        Submission fox = _harness.Submission("fox.png");
        BuyMeanwhile(fox, static _ => Task.CompletedTask);

        SavedVideo video = await MadeAsync(fox);

        Assert.Equal((Assert.Single(await _harness.ListAsync()).Id, 1), (video.Task.Id, _harness.Creates));
    }

    [Fact]
    public async Task A_video_that_was_bought_meanwhile_and_taken_elsewhere_is_left_there_for_all_images_with_its_content()
    {
        await FindAccountAsync(_harness.Session);
        var observer = new RecordingObserver { WantsEvents = true };
        using var converter = new VideoConverter(new KlingService(_harness.Session, observer), new ConversionOptions { Save = new SaveOptions { Destination = Destination } });
        Submission[] images = [_harness.Submission("fox.png"), _harness.Submission("copy.png")];
        ConversionItem[] items = [.. images.Select(image => converter.Accept(image)!)];
        Task<Outcome<ConversionItem, SavedVideo>>? copy = null;
        BuyMeanwhile(images[0], async theirs =>
        {
            // The other image waits for the purchase for the first one.
            copy = converter.ConvertAsync(items[1], default);
            await Eventually.TrueAsync(() => observer.Events.Count(happened => happened.Kind == RunEventKind.Planned) == 2);
            await _harness.Ledger.Tasks.RecordSnapshotAsync(Second.Account, new TaskSnapshot { TaskId = theirs.TaskId!, State = KlingTaskState.Succeeded });
            await _harness.Ledger.Tasks.RecordTakenAsync(theirs.Id, isTaken: true);
        });

        Outcome<ConversionItem, SavedVideo>[] ours = [await _harness.Clock.RunAsync(converter.ConvertAsync(items[0], default)), await _harness.Clock.RunAsync(copy!)];

        Assert.All(ours, outcome => Assert.Equal((null, null), (outcome.Value, outcome.Error)));
        Assert.Equal((1, 0), (_harness.Creates, _harness.Videos.Requests.Count));
        Assert.NotNull(Assert.Single(await _harness.ListAsync()).TakenAt);
    }

    [Fact]
    public async Task A_video_that_another_account_is_submitting_is_waited_for()
    {
        await FindAccountAsync(_harness.Session);
        await FindAccountAsync(Second);
        Submission fox = _harness.Submission("fox.png");
        IdentifiedSubmission identified = await _harness.IdentifyAsync(fox);
        var intent = new TaskIntent { Account = _harness.Session.Account, Spec = identified.Submission.Spec, Identity = identified.Identity, Credits = 42 };
        KlingVideoTask theirs = await _harness.Ledger.Tasks.BeginAsync(intent, default);

        using VideoConverter converter = Converter(Second);
        Task<Outcome<ConversionItem, SavedVideo>> converting = converter.ConvertAsync(converter.Accept(fox)!, default);
        await _harness.Clock.RunAsync(Eventually.TrueAsync(() => _harness.Observer.Warnings.Any(warning => warning.Contains($"as task {theirs.Id} and has no answer yet", StringComparison.Ordinal))));
        await _harness.Ledger.Tasks.RecordAcceptedAsync(theirs.Id, "t1");

        Assert.Equal((ErrorKind.BoughtElsewhere, 0), ((await _harness.Clock.RunAsync(converting)).Error?.Kind, _harness.Creates));
    }

    [Fact]
    public async Task A_video_of_another_account_is_copied_to_where_it_is_wanted()
    {
        (Submission fox, SavedVideo first) = await BoughtByOtherAccountAsync();
        int downloads = _harness.Videos.Requests.Count;

        SavedVideo second = await MadeAsync(fox, Second, template: "{BaseName}-copy");

        Assert.Equal("fox-copy.mp4", Path.GetFileName(second.Path));
        Assert.Equal(File.ReadAllBytes(first.Path), File.ReadAllBytes(second.Path));
        Assert.Equal((3, downloads), (_harness.Creates, _harness.Videos.Requests.Count));
    }

    [Fact]
    public async Task A_video_of_another_account_that_is_gone_is_not_bought_again_unless_the_user_says_so()
    {
        (Submission fox, SavedVideo first) = await BoughtByOtherAccountAsync();
        File.Delete(first.Path);

        Outcome<ConversionItem, SavedVideo> held = await RunAsync(Converter(Second), fox);
        Assert.Equal(ErrorKind.BoughtElsewhere, held.Error?.Kind);
        Assert.Contains(first.Task.TaskId!, held.Error!.Message, StringComparison.Ordinal);
        Assert.Equal(ErrorKind.BoughtElsewhere, (await Assert.ThrowsAsync<KlingException>(() => PlanAsync(Converter(Second), fox))).Kind);
        Assert.Equal(3, _harness.Creates);

        Assert.Equal("fox.mp4", Path.GetFileName((await MadeAsync(fox with { AllowRepurchase = true }, Second)).Path));
        Assert.Equal(4, _harness.Creates);
        Assert.Equal(ConversionStep.Nothing, (await PlanAsync(Converter(Second), fox)).Step);
    }

    [Fact]
    public async Task What_another_account_had_made_before_has_a_name_of_its_own_beside_what_this_one_buys()
    {
        (Submission fox, SavedVideo first) = await BoughtByOtherAccountAsync();
        byte[] content = File.ReadAllBytes(first.Path);

        SavedVideo second = await MadeAsync(fox with { AllowRepurchase = true }, Second);

        Assert.Equal("fox-2.mp4", Path.GetFileName(second.Path));
        Assert.Equal(content, File.ReadAllBytes(first.Path));
    }

    [Fact]
    public async Task As_long_as_the_account_of_a_key_is_not_known_nothing_is_bought_again_either()
    {
        (Submission fox, SavedVideo first) = await BoughtByOtherAccountAsync(count: 1);
        Assert.NotNull(Assert.Single(Second.Others).Doubt);

        Assert.Equal(first.Path, (await MadeAsync(fox, Second)).Path);
        Assert.Contains("could not be found out", Assert.Single(_harness.Observer.Warnings), StringComparison.Ordinal);

        File.Delete(first.Path);
        Assert.Equal(ErrorKind.BoughtElsewhere, (await RunAsync(Converter(Second), fox)).Error?.Kind);
        Assert.Equal(1, _harness.Creates);
    }

    /// <summary>A session at another address, with the same key and the same ledger.</summary>
    private KlingSession Gateway => _second ??= _harness.OpenSession(ClientHarness.Secret, new KlingEndpoints(new Uri("https://gateway.example/"), new Uri("https://gateway.example/")));

    /// <summary>What a service says of a task with its prompt, as it does of those it knows.</summary>
    private static Reply KnownWith(string taskId, string prompt) => Replies.Data(JsonSerializer.Serialize(new
    {
        taskId,
        state = "success",
        resultJson = $$"""{"resultUrls":["https://videos.example/{{taskId}}.mp4"]}""",
        param = JsonSerializer.Serialize(new { input = JsonSerializer.Serialize(new { prompt }) }),
    }));

    [Fact]
    public async Task Another_address_of_the_service_buys_nothing_again()
    {
        await FindAccountAsync(_harness.Session);
        Submission fox = _harness.Submission("fox.png");
        SavedVideo first = await MadeAsync(fox);
        _harness.Tasks[first.Task.TaskId!] = KnownWith(first.Task.TaskId!, fox.Spec.Prompt!);
        await FindAccountAsync(Gateway);

        Assert.Equal((first.Path, 1), ((await MadeAsync(fox, Gateway)).Path, _harness.Creates));

        // A task of the other address is queried, and its video fetched, at the address in use.
        File.Delete(first.Path);
        Assert.Equal((first.Path, 1), ((await MadeAsync(fox, Gateway)).Path, _harness.Creates));
        Assert.Single(_harness.Observer.Warnings, warning => warning.Contains("gateway.example", StringComparison.Ordinal));
    }

    [Fact]
    public async Task As_long_as_it_is_not_known_where_another_address_leads_only_what_was_not_bought_before_is_bought()
    {
        await FindAccountAsync(_harness.Session);
        Submission fox = _harness.Submission("fox.png");
        SavedVideo first = await MadeAsync(fox);
        _harness.Tasks.Clear();
        _harness.Clock.Advance(TimeSpan.FromHours(1));
        await FindAccountAsync(Gateway);

        Assert.Equal(first.Path, (await MadeAsync(fox, Gateway)).Path);
        Assert.Contains("Whether that address leads to the same account could not be found out: ", Assert.Single(_harness.Observer.Warnings), StringComparison.Ordinal);

        File.Delete(first.Path);
        Assert.Equal(ErrorKind.BoughtElsewhere, (await RunAsync(Converter(Gateway), fox)).Error?.Kind);
        Assert.Equal(1, _harness.Creates);

        await MadeAsync(_harness.Submission("cat.png", 5), Gateway);
        await MadeAsync(fox with { AllowRepurchase = true }, Gateway);
        Assert.Equal(3, _harness.Creates);
    }

    [Fact]
    public async Task Another_service_makes_what_was_bought_elsewhere()
    {
        await FindAccountAsync(_harness.Session);
        await MadeAsync(_harness.Submission("cat.png", 5));
        Submission fox = _harness.Submission("fox.png");
        SavedVideo first = await MadeAsync(fox);
        _harness.Tasks.Clear();
        _harness.Clock.Advance(TimeSpan.FromHours(1));
        await FindAccountAsync(Gateway);

        Assert.NotEqual(first.Path, (await MadeAsync(fox, Gateway)).Path);
        Assert.Equal(3, _harness.Creates);
    }

    [Fact]
    public async Task A_sidecar_counts_at_every_address_that_the_account_is_known_at()
    {
        await FindAccountAsync(_other.Session);
        Submission fox = _other.Submission("fox.png");
        Outcome<ConversionItem, SavedVideo> bought = await RunAsync(Converter(_other.Session, sidecar: true, harness: _other), fox, _other);
        await FindAccountAsync(_harness.Session);
        KlingVideoTask task = (await MadeAsync(_harness.Submission("cat.png", 5))).Task;
        _harness.Tasks[task.TaskId!] = KnownWith(task.TaskId!, fox.Spec.Prompt!);
        await FindAccountAsync(Gateway);
        Assert.Equal(_harness.Session.Account, Gateway.Account);

        Assert.Equal(bought.Value!.Path, (await MadeAsync(fox, Gateway)).Path);
        Assert.Equal(1, _harness.Creates);
    }

    [Fact]
    public async Task A_lost_attempt_of_a_key_that_may_be_the_same_account_keeps_New_from_buying()
    {
        await FindAccountAsync(_harness.Session);
        Submission fox = _harness.Submission("fox.png");
        await _harness.AcceptedAsync("old-1");
        KlingVideoTask lost = await _harness.Ledger.Tasks.BeginAsync(
            new TaskIntent { Account = _harness.Session.Account, Spec = await IdentifiedAsync(fox), Identity = (await IdentifiedAsync(fox)).GetIdentity(), Credits = 42 }, default);
        await _harness.Ledger.Tasks.LoseAsync(lost.Id, "It was lost.");
        _harness.Clock.Advance(TimeSpan.FromHours(1));
        await FindAccountAsync(Second);

        Outcome<Submission, KlingVideoTask> refused = await _harness.SubmitAsync(new VideoSubmitter(new KlingService(Second, null)), fox);
        Assert.Equal((ErrorKind.AttemptUnknown, 0), (refused.Error?.Kind, _harness.Creates));
        Assert.StartsWith("Connect with the key that asked for it", refused.Error!.AdviceOn(isOfTask: true), StringComparison.Ordinal);

        Outcome<Submission, KlingVideoTask> forced = await _harness.SubmitAsync(new VideoSubmitter(new KlingService(Second, null)), fox with { Force = true });
        Assert.Null(forced.Error);
    }

    private static async Task<VideoSpec> IdentifiedAsync(Submission submission)
        => submission.Spec with { Image = submission.Spec.Image! with { Hash = await ContentHash.Sha256Async(submission.Spec.Image.Path!) } };

    [Fact]
    public async Task An_upload_that_tells_the_account_stops_the_purchase_of_what_it_has_bought()
    {
        static Reply UploadedTo(string number) => async (request, token) =>
        {
            await request.ReadAsync(token);
            return await Replies.Data($$"""{"downloadUrl":"https://uploads.example/kieai/{{number}}/klingps/image.png"}""")(request, token);
        };

        _harness.Service.On(FakeService.UploadPath, UploadedTo("123456"));
        await FindAccountAsync(_harness.Session);
        Submission fox = _harness.Submission("fox.png");
        KlingVideoTask bought = (await MadeAsync(fox)).Task;
        _harness.Tasks.Clear();
        _harness.Clock.Advance(TimeSpan.FromHours(24));
        await FindAccountAsync(Second);

        Outcome<ConversionItem, SavedVideo> outcome = await RunAsync(Converter(Second), fox with { AllowRepurchase = true });

        Assert.Equal((bought.Id, 1), (outcome.Value?.Task.Id, _harness.Creates));
        Assert.Equal(_harness.Session.Account, Second.Account);
    }

    [Fact]
    public async Task A_sidecar_in_the_destination_keeps_an_empty_ledger_from_buying_again()
    {
        Submission fox = _harness.Submission("fox.png");
        SavedVideo first = await MadeAsync(fox, sidecar: true);
        byte[] sidecar = File.ReadAllBytes(first.Path + ".json");

        Outcome<ConversionItem, SavedVideo> outcome = await RunAsync(Converter(_other.Session, sidecar: true, harness: _other), fox, _other);

        Assert.Null(outcome.Error);
        Assert.Equal((first.Path, first.Task.TaskId, 0), (outcome.Value?.Path, outcome.Value?.Task.TaskId, _other.Service.Requests.Count));
        Assert.Contains("by its sidecar", Assert.Single(_other.Observer.Warnings), StringComparison.Ordinal);
        Assert.Equal(sidecar, File.ReadAllBytes(first.Path + ".json"));
        ConversionPlan plan = await PlanAsync(Converter(_other.Session, harness: _other), fox);
        Assert.Equal((ConversionStep.Nothing, first.Path), (plan.Step, plan.Path));
        Assert.Contains("sidecar", plan.Remark, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{Directory}/{BaseName}-{Id}")]
    [InlineData(@"{Directory}\{BaseName}-{Id}")]
    public async Task A_sidecar_is_found_wherever_the_names_of_the_run_can_go(string template)
    {
        Submission fox = _harness.Submission("photos/fox.png");
        SavedVideo first = await MadeAsync(fox, sidecar: true, template: template);

        Outcome<ConversionItem, SavedVideo> outcome = await RunAsync(Converter(_other.Session, template: template, harness: _other), fox, _other);

        Assert.Equal((first.Path, 0), (outcome.Value?.Path, _other.Creates));
    }

    [Fact]
    public async Task A_sidecar_behind_a_link_that_leads_out_of_the_destination_is_none_in_it()
    {
        Submission fox = _harness.Submission("photos/fox.png");
        await MadeAsync(fox, sidecar: true, template: "{Directory}/{BaseName}-{Id}");
        string elsewhere = Path.Combine(_harness.Folder, "elsewhere");
        Directory.Move(Path.Combine(Destination, "photos"), elsewhere);
        OddFiles.FolderLink(Path.Combine(Destination, "link"), elsewhere);

        Outcome<ConversionItem, SavedVideo> outcome = await RunAsync(Converter(_other.Session, template: "{Directory}/{BaseName}-{Id}", harness: _other), fox, _other);

        Assert.StartsWith(Path.Combine(Destination, "photos"), outcome.Value?.Path, StringComparison.Ordinal);
        Assert.Equal(1, _other.Creates);
    }

    [Fact]
    public async Task A_sidecar_that_says_no_identity_tells_by_what_it_describes()
    {
        Submission fox = _harness.Submission("fox.png");
        SavedVideo first = await MadeAsync(fox, sidecar: true);
        var described = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(File.ReadAllText(first.Path + ".json"))!;
        Assert.True(described.Remove("identity") && described.Remove("service"));
        File.WriteAllText(first.Path + ".json", JsonSerializer.Serialize(described));

        Outcome<ConversionItem, SavedVideo> outcome = await RunAsync(Converter(_other.Session, harness: _other), fox, _other);

        Assert.Equal((first.Path, 0), (outcome.Value?.Path, _other.Creates));
    }

    [Theory]
    [InlineData("another prompt")]
    [InlineData("an edited video")]
    [InlineData("a sandbox")]
    [InlineData("an unreadable sidecar")]
    [InlineData("leave of the user")]
    public async Task A_sidecar_does_not_stand_for(string what)
    {
        Submission fox = _harness.Submission("fox.png");
        SavedVideo first = await MadeAsync(fox, sidecar: true);
        string sidecar = first.Path + ".json";
        switch (what)
        {
            case "another prompt":
                fox = fox.Asking(spec => spec with { Prompt = "The fox wakes." });
                break;
            case "an edited video":
                File.AppendAllText(first.Path, "more");
                break;
            case "a sandbox":
                File.WriteAllText(sidecar, File.ReadAllText(sidecar).Replace("api.kie.ai:443/", "localhost:4711/", StringComparison.Ordinal));
                break;
            case "an unreadable sidecar":
                File.WriteAllText(sidecar, "{ \"identity\": 7 }");
                break;
            default:
                fox = fox with { AllowRepurchase = true };
                break;
        }

        Outcome<ConversionItem, SavedVideo> outcome = await RunAsync(Converter(_other.Session, template: "{BaseName}-new", harness: _other), fox, _other);

        Assert.Null(outcome.Error);
        Assert.Equal((1, "fox-new.mp4"), (_other.Creates, Path.GetFileName(outcome.Value!.Path)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_video_that_another_ledger_has_paid_for_is_not_replaced_by_another_one(bool overwrite)
    {
        Submission fox = _harness.Submission("fox.png");
        SavedVideo first = await MadeAsync(fox, sidecar: true);
        byte[] content = File.ReadAllBytes(first.Path);

        Submission other = fox.Asking(spec => spec with { Prompt = "The fox wakes." });
        Outcome<ConversionItem, SavedVideo> outcome = await RunAsync(Converter(_other.Session, overwrite, harness: _other), other, _other);

        Assert.Null(outcome.Error);
        Assert.Equal("fox-2.mp4", Path.GetFileName(outcome.Value!.Path));
        Assert.Equal(content, File.ReadAllBytes(first.Path));
        Assert.Empty(_other.Observer.Warnings);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task What_is_bought_again_on_purpose_has_a_name_of_its_own_also_where_a_later_run_fetches_it(bool overwrite)
    {
        Submission fox = _harness.Submission("fox.png");
        SavedVideo first = await MadeAsync(fox, sidecar: true);
        byte[] content = File.ReadAllBytes(first.Path);

        // The service gives each task an id of its own; and the run that bought it ended before the video was made.
        await _other.SubmitAsync(new VideoSubmitter(_other.NewService()), _harness.Submission("bird.png", seed: 5));
        KlingVideoTask bought = (await _other.SubmitAsync(new VideoSubmitter(_other.NewService()), fox with { ReusePurchase = true, AllowRepurchase = true })).Value!;

        Outcome<ConversionItem, SavedVideo> outcome = await RunAsync(Converter(_other.Session, overwrite, harness: _other), fox, _other);

        Assert.Null(outcome.Error);
        Assert.Equal((bought.Id, "fox-2.mp4"), (outcome.Value!.Task.Id, Path.GetFileName(outcome.Value.Path)));
        Assert.Equal(content, File.ReadAllBytes(first.Path));
    }

    [Fact]
    public async Task A_clip_of_a_sandbox_is_replaced_where_the_user_says_so()
    {
        Submission fox = _harness.Submission("fox.png");
        SavedVideo first = await MadeAsync(fox, sidecar: true);
        string sidecar = first.Path + ".json";
        File.WriteAllText(sidecar, File.ReadAllText(sidecar).Replace("api.kie.ai:443/", "localhost:4711/", StringComparison.Ordinal));

        Outcome<ConversionItem, SavedVideo> outcome = await RunAsync(Converter(_other.Session, overwrite: true, harness: _other), fox, _other);

        Assert.Null(outcome.Error);
        Assert.Equal((first.Path, 1), (outcome.Value!.Path, _other.Creates));
    }

    [Fact]
    public async Task A_file_without_a_sidecar_stops_the_purchase_and_Force_says_first_what_it_replaces()
    {
        Submission fox = _harness.Submission("fox.png");
        SavedVideo first = await MadeAsync(fox);

        KlingException error = (await RunAsync(Converter(_other.Session, harness: _other), fox, _other)).Error!;
        Assert.Equal((ErrorKind.FileExists, 0), (error.Kind, _other.Creates));
        Assert.Contains("another ledger", error.Message, StringComparison.Ordinal);

        Outcome<ConversionItem, SavedVideo> forced = await RunAsync(Converter(_other.Session, overwrite: true, harness: _other), fox, _other);
        Assert.Null(forced.Error);
        Assert.Contains(first.Path, Assert.Single(_other.Observer.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_image_whose_content_has_changed_is_named_with_its_earlier_purchase_before_it_is_bought()
    {
        Submission fox = _harness.Submission("fox.png");
        SavedVideo first = await MadeAsync(fox);
        _harness.Image("fox.png", seed: 7);

        ConversionPlan plan = await PlanAsync(Converter(_harness.Session), fox);
        Assert.Equal(ConversionStep.Buy, plan.Step);
        Assert.Contains($"as task {first.Task.Id}", plan.Remark, StringComparison.Ordinal);

        _harness.Observer.Warnings.Clear();
        SavedVideo second = await MadeAsync(fox);
        string warning = Assert.Single(_harness.Observer.Warnings);
        Assert.Contains(fox.Subject, warning, StringComparison.Ordinal);
        Assert.Contains(first.Path, warning, StringComparison.Ordinal);
        Assert.Equal((2, "fox-2.mp4"), (_harness.Creates, Path.GetFileName(second.Path)));

        _harness.Observer.Warnings.Clear();
        await MadeAsync(fox);
        Assert.Empty(_harness.Observer.Warnings);
    }

    [Fact]
    public async Task A_changed_image_is_left_out_where_the_user_wants_that()
    {
        Submission fox = _harness.Submission("fox.png") with { SkipChanged = true };
        await MadeAsync(fox);
        _harness.Image("fox.png", seed: 7);

        Assert.Equal(ErrorKind.ImageChanged, (await RunAsync(Converter(_harness.Session), fox)).Error?.Kind);
        Assert.Equal(ErrorKind.ImageChanged, (await _harness.SubmitAsync(new VideoSubmitter(_harness.NewService()), fox)).Error?.Kind);
        Assert.Equal((1, 1), (_harness.Creates, _harness.Uploads));

        Submission other = fox.Asking(spec => spec with { Prompt = "The fox wakes." });
        Assert.Null((await RunAsync(Converter(_harness.Session), other)).Error);
    }

    [Fact]
    public async Task A_changed_image_is_noticed_by_way_of_a_link_too()
    {
        Submission fox = _harness.Submission("photos/fox.png") with { SkipChanged = true };
        await MadeAsync(fox);
        Directory.CreateSymbolicLink(Path.Combine(_harness.Folder, "link"), Path.Combine(_harness.Folder, "photos"));
        _harness.Image("photos/fox.png", seed: 7);

        Submission linked = fox.Asking(spec => spec with { Image = MediaSource.FromFile(Path.Combine(_harness.Folder, "link", "fox.png")) });
        Assert.Equal(ErrorKind.ImageChanged, (await RunAsync(Converter(_harness.Session), linked)).Error?.Kind);
    }

    [Fact]
    public async Task A_changed_tail_image_is_noticed_as_well()
    {
        string tail = _harness.Image("tail.png", seed: 3);
        Submission fox = _harness.Submission("fox.png").Asking(spec => spec with { TailImage = MediaSource.FromFile(tail) }) with { SkipChanged = true };
        Submission web = fox.Asking(spec => spec with { Image = MediaSource.FromUri("https://images.example/fox.png") });
        await MadeAsync(fox);
        Assert.Null((await _harness.SubmitAsync(new VideoSubmitter(_harness.NewService()), web)).Error);
        _harness.Image("tail.png", seed: 9);

        KlingException error = (await RunAsync(Converter(_harness.Session), fox)).Error!;

        Assert.Equal(ErrorKind.ImageChanged, error.Kind);
        Assert.Contains($"'{tail}' has other content", error.Message, StringComparison.Ordinal);
        Assert.Equal(ErrorKind.ImageChanged, (await _harness.SubmitAsync(new VideoSubmitter(_harness.NewService()), web)).Error?.Kind);
    }

    [Fact]
    public async Task A_video_that_was_taken_elsewhere_does_not_come_back_until_that_is_taken_back()
    {
        Submission fox = _harness.Submission("fox.png");
        SavedVideo first = await MadeAsync(fox);
        File.Delete(first.Path);
        await _harness.Ledger.Tasks.RecordTakenAsync(first.Task.Id, isTaken: true);
        int requests = _harness.Service.Requests.Count + _harness.Videos.Requests.Count;

        Assert.Equal(ConversionStep.Taken, (await PlanAsync(Converter(_harness.Session), fox)).Step);
        Outcome<ConversionItem, SavedVideo> outcome = await RunAsync(Converter(_harness.Session), fox);
        Assert.Equal((null, null), ((object?)outcome.Value, outcome.Error));
        Assert.Equal(requests, _harness.Service.Requests.Count + _harness.Videos.Requests.Count);

        await _harness.Ledger.Tasks.RecordTakenAsync(first.Task.Id, isTaken: false);
        Assert.Equal(first.Path, (await MadeAsync(fox)).Path);
        Assert.Equal(1, _harness.Creates);
    }

    [Fact]
    public async Task A_video_that_was_taken_elsewhere_and_is_there_all_the_same_is_emitted()
    {
        Submission fox = _harness.Submission("fox.png");
        SavedVideo first = await MadeAsync(fox);
        await _harness.Ledger.Tasks.RecordTakenAsync(first.Task.Id, isTaken: true);

        Assert.Equal(first.Path, (await MadeAsync(fox)).Path);
    }

    [Fact]
    public async Task A_changed_image_can_be_told_apart_from_its_own_video_only_by_its_content()
    {
        Submission fox = _harness.Submission("fox.png") with { SkipChanged = true };
        await MadeAsync(fox);
        File.WriteAllBytes(fox.Subject, ImageBytes.Png(640, 360));

        Assert.Null((await RunAsync(Converter(_harness.Session), fox)).Error);
        Assert.Equal(1, _harness.Creates);
    }
}
