using KlingPS.Core.Api;
using KlingPS.Core.Ledger;
using KlingPS.Core.Model;
using KlingPS.Core.Sessions;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Ledger;
using KlingPS.Core.Tests.Stages;

namespace KlingPS.Core.Tests.Sessions;

public sealed class AccountFinderTests : IAsyncDisposable
{
    private const string SecondKey = "another-key-0123456789";
    private const string Gateway = "https://gateway.example/";

    private readonly PipelineHarness _harness = new();
    private readonly List<KlingSession> _sessions = [];

    public async ValueTask DisposeAsync()
    {
        foreach (KlingSession session in _sessions)
        {
            await session.DisposeAsync();
        }

        await _harness.DisposeAsync();
    }

    /// <summary>Tasks that were bought with the first key, some days ago.</summary>
    private async Task BoughtAsync(int count, int days = 1)
    {
        await FindAsync(_harness.Session);
        for (int number = 1; number <= count; number++)
        {
            await _harness.AcceptedAsync($"old-{number}");
        }

        _harness.Clock.Advance(TimeSpan.FromDays(days));
    }

    private KlingSession Open(string key = SecondKey, string? endpoint = null)
    {
        KlingSession session = _harness.OpenSession(key, endpoint is null ? null : new KlingEndpoints(new Uri(endpoint), new Uri(endpoint)));
        _sessions.Add(session);
        return session;
    }

    private Task FindAsync(KlingSession session) => _harness.Clock.RunAsync(new AccountFinder(session, _harness.Observer).FindAsync(default));

    private Task LearnAsync(KlingSession session, string number)
        => _harness.Clock.RunAsync(new AccountFinder(session, _harness.Observer).LearnAsync($"https://uploads.example/kieai/{number}/klingps/fox.png", default));

    [Fact]
    public async Task The_first_key_is_an_account_of_its_own_and_nothing_is_asked()
    {
        await FindAsync(_harness.Session);

        Assert.Equal((_harness.Session.Fingerprint, 0), (_harness.Session.Account, _harness.Queries));
        Assert.True(_harness.Session.Standing.IsSettled);
        Assert.Empty(_harness.Observer.Warnings);
    }

    [Fact]
    public async Task A_new_key_of_the_same_account_takes_over_what_the_old_one_has_bought_and_that_is_said_once()
    {
        await BoughtAsync(3);
        _harness.Tasks["old-3"] = PipelineHarness.Generating;
        KlingSession session = Open();

        await FindAsync(session);

        Assert.Equal((_harness.Session.Account, 1), (session.Account, _harness.Queries));
        Assert.Contains("old-3", Assert.Single(_harness.Observer.Warnings), StringComparison.Ordinal);
        Assert.Empty(session.Others);
        Assert.Equal(3, (await _harness.Ledger.Tasks.ListAsync(new TaskFilter { Account = session.Fingerprint }, default)).Count);
        Assert.All(await _harness.ListAsync(), task => Assert.Equal(session.Account, task.Account));

        await FindAsync(Open());
        Assert.Equal((1, 1), (_harness.Queries, _harness.Observer.Warnings.Count));
    }

    [Fact]
    public async Task However_many_keys_have_bought_nothing_those_that_have_are_asked_about()
    {
        for (int number = 1; number <= 6; number++)
        {
            await FindAsync(Open($"key-{number}-of-no-buyer"));
            _harness.Clock.Advance(TimeSpan.FromMinutes(1));
        }

        await BoughtAsync(1);
        _harness.Tasks["old-1"] = PipelineHarness.Generating;
        KlingSession session = Open();

        await FindAsync(session);

        Assert.Equal((_harness.Session.Account, 1), (session.Account, _harness.Queries));
    }

    [Fact]
    public async Task Both_keys_of_an_account_pass_the_same_gates_and_share_the_daily_cap()
    {
        await BoughtAsync(1);
        _harness.Tasks["old-1"] = PipelineHarness.Generating;
        KlingSession session = Open();
        await FindAsync(session);
        await _harness.AcceptedAsync("new-1");
        var intent = new TaskIntent { Account = session.Account, Spec = ClientHarness.Video, Identity = "other", Credits = 42, Budget = new BudgetLimit { DailyCredits = 60 } };

        Assert.Contains("42 of the day's limit", await _harness.Ledger.Tasks.FindBudgetExcessAsync(intent, default), StringComparison.Ordinal);

        for (int number = 0; number < 20; number++)
        {
            KlingSession sender = number % 2 == 0 ? session : _harness.Session;
            await using (await sender.CreateGate.EnterAsync(default))
            {
            }
        }

        Task<IAsyncDisposable> oneTooMany = session.CreateGate.EnterAsync(default).AsTask();
        await _harness.Clock.PassAsync(TimeSpan.FromSeconds(5));
        Assert.False(oneTooMany.IsCompleted);
        await (await _harness.Clock.RunAsync(oneTooMany)).DisposeAsync();
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(3, false)]
    public async Task A_key_of_which_it_is_not_known_whose_it_is_counts_against_the_same_daily_cap(int tasks, bool isShared)
    {
        await BoughtAsync(tasks);
        KlingSession session = Open();
        await FindAsync(session);
        await _harness.AcceptedAsync("new-1");
        var intent = new TaskIntent { Account = session.Account, Spec = ClientHarness.Video, Identity = "other", Credits = 42, Budget = new BudgetLimit { DailyCredits = 60 } };

        Assert.Equal(isShared, await _harness.Ledger.Tasks.FindBudgetExcessAsync(intent, default) is not null);
    }

    [Fact]
    public async Task Both_keys_of_an_account_use_the_same_uploads()
    {
        await BoughtAsync(1);
        _harness.Tasks["old-1"] = PipelineHarness.Generating;
        KlingSession session = Open();
        await FindAsync(session);
        DateTimeOffset now = _harness.Clock.GetUtcNow();
        await _harness.Ledger.Uploads.RecordAsync(new UploadRecord(_harness.Session.Fingerprint, "cafe", "https://uploads.example/cafe.png", now, now.AddHours(24)), default);

        Assert.Equal("https://uploads.example/cafe.png", (await _harness.Ledger.Uploads.FindAsync(session.Fingerprint, "cafe", default))?.Uri);
        Assert.Null(await _harness.Ledger.Uploads.FindAsync("another", "cafe", default));
    }

    [Fact]
    public async Task A_key_to_which_several_recent_tasks_are_unknown_belongs_to_another_account()
    {
        await BoughtAsync(4);
        KlingSession session = Open();

        await FindAsync(session);

        Assert.Equal((session.Fingerprint, 3), (session.Account, _harness.Queries));
        Assert.Null(Assert.Single(session.Others).Doubt);
        Assert.True(session.Standing.IsSettled);
        Assert.Empty(_harness.Observer.Warnings);
        Assert.Empty(await _harness.Ledger.Tasks.ListAsync(new TaskFilter { Account = session.Account }, default));

        await FindAsync(_harness.Session);
        Assert.Null(Assert.Single(_harness.Session.Others).Doubt);
        Assert.Equal(3, _harness.Queries);
    }

    [Fact]
    public async Task Records_that_may_have_ended_do_not_make_another_account_of_a_new_key()
    {
        await BoughtAsync(3, days: 70);
        KlingSession session = Open();

        await FindAsync(session);

        Assert.NotNull(Assert.Single(session.Others).Doubt);
        Assert.False(session.Standing.IsSettled);
    }

    [Fact]
    public async Task Records_of_a_clock_that_was_ahead_do_not_make_another_account_of_a_new_key()
    {
        _harness.Clock.SetTimeOfDay(TimeSpan.FromDays(365));
        await BoughtAsync(3, days: 70);
        await Task.WhenAll(Enumerable.Range(1, 3).Select(number => _harness.Ledger.Tasks.RecordSnapshotAsync(
            _harness.Session.Account, new TaskSnapshot { TaskId = $"old-{number}", State = KlingTaskState.Succeeded, ResultUris = ["https://videos.example/a.mp4"] })));
        _harness.Clock.SetTimeOfDay(TimeSpan.FromDays(-365));
        KlingSession session = Open();

        await FindAsync(session);

        Assert.NotNull(Assert.Single(session.Others).Doubt);
        Assert.False(session.Standing.IsSettled);
    }

    [Fact]
    public async Task A_single_task_that_is_unknown_is_not_enough_to_tell_accounts_apart()
    {
        await BoughtAsync(1);
        KlingSession session = Open();

        await FindAsync(session);

        Assert.NotNull(Assert.Single(session.Others).Doubt);
    }

    [Fact]
    public async Task An_answer_without_content_proves_nothing()
    {
        await BoughtAsync(3);
        foreach (string taskId in new[] { "old-1", "old-2", "old-3" })
        {
            _harness.Tasks[taskId] = Replies.Data("null");
        }

        KlingSession session = Open();
        await FindAsync(session);

        Assert.Equal(session.Fingerprint, session.Account);
        Assert.NotNull(Assert.Single(session.Others).Doubt);
    }

    [Fact]
    public async Task An_answer_about_another_video_proves_nothing()
    {
        await BoughtAsync(1);
        _harness.Tasks["old-1"] = Replies.Data("""{"state":"success","param":"{\"input\":\"{\\\"prompt\\\":\\\"Something else.\\\"}\"}"}""");
        KlingSession session = Open();

        await FindAsync(session);

        Assert.Equal(session.Fingerprint, session.Account);
        Assert.NotNull(Assert.Single(session.Others).Doubt);
    }

    [Fact]
    public async Task Two_keys_of_an_account_that_are_used_for_the_first_time_at_the_same_moment_are_compared_later()
    {
        KlingSession session = Open();
        Task? first = null;
        _harness.Ledger.BeforeAccountCall = name =>
        {
            if (name == nameof(IAccountRegister.RecordAsync) && first is null)
            {
                // The other machine knows of no key either.
                first = Task.CompletedTask;
                first = new AccountFinder(_harness.Session, _harness.Observer).FindAsync(default);
                first.GetAwaiter().GetResult();
            }
        };

        await FindAsync(session);

        Assert.Equal(session.Fingerprint, session.Account);
        Assert.NotNull(Assert.Single(session.Others).Doubt);
        Assert.Empty(_harness.Observer.Warnings);

        await BoughtAsync(3);
        _harness.Tasks["old-3"] = PipelineHarness.Generating;
        await FindAsync(Open());
        Assert.Contains("old-3", Assert.Single(_harness.Observer.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_number_does_not_join_accounts_that_the_service_has_told_apart()
    {
        await BoughtAsync(3);
        await LearnAsync(_harness.Session, "123456");
        KlingSession session = Open();
        await FindAsync(session);

        await LearnAsync(session, "123456");

        Assert.Equal(session.Fingerprint, session.Account);
        Assert.Empty(_harness.Observer.Warnings);
    }

    [Fact]
    public async Task While_the_service_is_away_the_question_stays_open_and_is_asked_again_later()
    {
        await BoughtAsync(3);
        _harness.Tasks["old-3"] = PipelineHarness.InTurn(Replies.Code(500, "Server exception, please try again later"), PipelineHarness.Generating);
        KlingSession session = Open();

        await FindAsync(session);
        Assert.Contains("could not be asked", Assert.Single(session.Others).Doubt, StringComparison.Ordinal);
        Assert.Equal(1, _harness.Queries);

        await FindAsync(session);
        Assert.Equal(1, _harness.Queries);
        Assert.Contains("could not be asked", Assert.Single(session.Others).Doubt, StringComparison.Ordinal);

        _harness.Clock.Advance(TimeSpan.FromMinutes(2));
        await FindAsync(session);
        Assert.Equal(_harness.Session.Account, session.Account);
    }

    [Fact]
    public async Task The_search_can_be_cancelled()
    {
        await BoughtAsync(3);
        using var stop = new CancellationTokenSource();
        _harness.Tasks["old-3"] = async (_, token) =>
        {
            await stop.CancelAsync();
            token.ThrowIfCancellationRequested();
            return null!;
        };

        KlingSession session = Open();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _harness.Clock.RunAsync(new AccountFinder(session, null).FindAsync(stop.Token)));
        Assert.False(session.Standing.IsSettled);
    }

    [Fact]
    public async Task The_same_key_at_another_spelling_of_the_address_is_the_same_account()
    {
        await BoughtAsync(1);
        _harness.Tasks["old-1"] = PipelineHarness.Generating;
        KlingSession session = Open(ClientHarness.Secret, "https://API.kie.ai./");

        await FindAsync(session);

        Assert.Equal((_harness.Session.Account, 1), (session.Account, _harness.Queries));
    }

    /// <summary>What a service says of a task that it knows: it repeats what was asked for.</summary>
    private static Reply Known { get; } = Replies.Data("""{"state":"success","param":"{\"input\":\"{\\\"prompt\\\":\\\"A fox runs.\\\"}\"}"}""");

    [Theory]
    [InlineData(ClientHarness.Secret)]
    [InlineData(SecondKey)]
    public async Task Another_address_of_the_service_takes_over_what_was_bought_at_the_first_and_that_is_said_once(string key)
    {
        await BoughtAsync(3);
        _harness.Tasks["old-3"] = Known;
        KlingSession gateway = Open(key, Gateway);

        await FindAsync(gateway);

        Assert.Equal((_harness.Session.Account, 1), (gateway.Account, _harness.Queries));
        Assert.True(gateway.Standing.IsSettled);
        string warning = Assert.Single(_harness.Observer.Warnings);
        Assert.Contains("'gateway.example' leads to an account that is known here from another address, api.kie.ai: the service knows task old-3", warning, StringComparison.Ordinal);
        Assert.Empty(gateway.Others);
        Assert.Equal(3, (await _harness.Ledger.Tasks.ListAsync(new TaskFilter { Account = gateway.Fingerprint }, default)).Count);

        await FindAsync(Open(key, Gateway));
        await FindAsync(_harness.Session);
        Assert.Equal((1, 1), (_harness.Queries, _harness.Observer.Warnings.Count));
    }

    [Fact]
    public async Task The_key_goes_nowhere_but_to_the_address_in_use()
    {
        await BoughtAsync(3);
        _harness.Tasks["old-1"] = Known;

        await FindAsync(Open(SecondKey, Gateway));

        Assert.Equal(3, _harness.Queries);
        Assert.All(_harness.Service.Requests, request => Assert.Equal("gateway.example", request.Uri.Host));
    }

    [Fact]
    public async Task Both_addresses_of_an_account_share_the_daily_cap()
    {
        await BoughtAsync(1);
        _harness.Tasks["old-1"] = Known;
        KlingSession gateway = Open(SecondKey, Gateway);
        await FindAsync(gateway);
        await _harness.AcceptedAsync("new-1");
        var intent = new TaskIntent { Account = gateway.Account, Spec = ClientHarness.Video, Identity = "other", Credits = 42, Budget = new BudgetLimit { DailyCredits = 60 } };

        Assert.Contains("42 of the day's limit", await _harness.Ledger.Tasks.FindBudgetExcessAsync(intent, default), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_where_several_recent_tasks_are_unknown_is_another_account_or_service_and_does_not_care_for_this_one()
    {
        await BoughtAsync(3);
        KlingSession gateway = Open(SecondKey, Gateway);

        await FindAsync(gateway);
        await FindAsync(Open(SecondKey, Gateway));
        await FindAsync(_harness.Session);

        Assert.Equal((gateway.Fingerprint, 3), (gateway.Account, _harness.Queries));
        Assert.Empty(gateway.Others);
        Assert.Empty(_harness.Session.Others);
        Assert.True(gateway.Standing.IsSettled);
        Assert.Empty(_harness.Observer.Warnings);
    }

    [Theory]
    [InlineData("""{"state":"generating"}""")]
    [InlineData("""{"state":"success","resultJson":"{\"resultUrls\":[\"https://videos.example/a.mp4\"]}"}""")]
    [InlineData("null")]
    public async Task What_says_yes_to_everything_at_another_address_is_not_taken_for_the_service_nor_for_another_one(string answer)
    {
        await BoughtAsync(3);
        foreach (string taskId in new[] { "old-1", "old-2", "old-3" })
        {
            _harness.Tasks[taskId] = Replies.Data(answer);
        }

        KlingSession gateway = Open(SecondKey, Gateway);
        await FindAsync(gateway);

        Assert.Equal(gateway.Fingerprint, gateway.Account);
        OtherAccount other = Assert.Single(gateway.Others);
        Assert.Contains("does not show", other.Doubt, StringComparison.Ordinal);
        Assert.Contains("another address, api.kie.ai", other.ToString(), StringComparison.Ordinal);
        Assert.False(gateway.Standing.IsSettled);
    }

    [Theory]
    [InlineData(401)]
    [InlineData(429)]
    [InlineData(500)]
    public async Task While_another_address_does_not_answer_the_question_stays_open_and_is_asked_again_later(int code)
    {
        await BoughtAsync(3);
        _harness.Tasks["old-3"] = PipelineHarness.InTurn(Replies.Code(code, "not now"), Known);
        KlingSession gateway = Open(SecondKey, Gateway);

        await FindAsync(gateway);
        await FindAsync(gateway);
        Assert.Contains("could not be asked", Assert.Single(gateway.Others).Doubt, StringComparison.Ordinal);
        Assert.Equal(1, _harness.Queries);

        await FindAsync(_harness.Session);
        Assert.NotNull(Assert.Single(_harness.Session.Others).Doubt);

        _harness.Clock.Advance(TimeSpan.FromMinutes(2));
        await FindAsync(gateway);
        Assert.Equal(_harness.Session.Account, gateway.Account);
    }

    [Fact]
    public async Task A_sandbox_is_asked_about_nothing_that_was_bought_elsewhere_and_nobody_about_what_it_has_made()
    {
        KlingSession sandbox = Open(SecondKey, "http://127.0.0.1:4711/");
        await FindAsync(sandbox);
        KlingVideoTask made = await _harness.Ledger.Tasks.BeginAsync(new TaskIntent { Account = sandbox.Account, Spec = ClientHarness.Video, Identity = "made", Credits = 42 }, default);
        await _harness.Ledger.Tasks.AcceptAsync(made.Id, "made-1");
        await BoughtAsync(3);
        KlingSession other = Open(SecondKey, "http://localhost:4712/");

        await FindAsync(other);
        await FindAsync(sandbox);
        await FindAsync(Open());

        Assert.Equal(["old-1", "old-2", "old-3"], _harness.Service.Requests.Select(request => request.Uri.Query["?taskId=".Length..]).Order());
        Assert.Empty(other.Others);
        Assert.Empty(sandbox.Others);
        Assert.True(other.Standing.IsSettled);
    }

    [Fact]
    public async Task Addresses_that_an_earlier_version_took_for_services_of_their_own_are_compared_when_they_are_used_again()
    {
        KlingSession gateway = Open(SecondKey, Gateway);
        await BoughtAsync(3);
        foreach ((KlingSession session, string service) in new[] { (_harness.Session, "api.kie.ai:443/"), (gateway, "gateway.example:443/") })
        {
            await _harness.Ledger.Accounts.RecordAsync(new AccountKey(session.Fingerprint, session.Fingerprint) { Service = service, IsSettled = true }, default);
        }

        _harness.Tasks["old-3"] = Known;
        await FindAsync(gateway);

        Assert.Equal((_harness.Session.Fingerprint, 1), (gateway.Account, _harness.Queries));
    }

    [Fact]
    public async Task An_address_that_leads_to_what_were_two_addresses_makes_them_one()
    {
        await BoughtAsync(3);
        KlingSession second = Open(SecondKey, Gateway);
        await _harness.Ledger.Accounts.RecordAsync(new AccountKey(_harness.Session.Fingerprint, _harness.Session.Fingerprint) { Service = "api.kie.ai:443/", IsSettled = true }, default);
        await _harness.Ledger.Accounts.RecordAsync(new AccountKey(second.Fingerprint, second.Fingerprint) { Service = "gateway.example:443/", IsSettled = true }, default);
        KlingVideoTask bought = await _harness.Ledger.Tasks.BeginAsync(new TaskIntent { Account = second.Account, Spec = ClientHarness.Video, Identity = "second", Credits = 42 }, default);
        await _harness.Ledger.Tasks.AcceptAsync(bought.Id, "second-1");
        _harness.Tasks["old-3"] = _harness.Tasks["second-1"] = Known;
        KlingSession third = Open(SecondKey, "https://proxy.example/");

        await FindAsync(third);

        Assert.Equal(4, (await _harness.Ledger.Tasks.ListAsync(new TaskFilter { Account = third.Account }, default)).Count);
        Assert.Equal(4, (await _harness.Ledger.Tasks.ListAsync(new TaskFilter { Account = _harness.Session.Fingerprint }, default)).Count);
        Assert.Empty(third.Others);
        Assert.True(third.Standing.IsSettled);
    }

    [Fact]
    public async Task Another_account_of_the_service_is_that_at_every_address_of_it()
    {
        await BoughtAsync(3);
        KlingSession other = Open("a-third-key-0123456789");
        await FindAsync(other);
        KlingVideoTask bought = await _harness.Ledger.Tasks.BeginAsync(new TaskIntent { Account = other.Account, Spec = ClientHarness.Video, Identity = "other", Credits = 42 }, default);
        await _harness.Ledger.Tasks.AcceptAsync(bought.Id, "other-1");
        _harness.Tasks["old-3"] = Known;
        KlingSession gateway = Open(SecondKey, Gateway);

        await FindAsync(gateway);

        Assert.Equal(_harness.Session.Account, gateway.Account);
        Assert.Equal(new OtherAccount(other.Account, Doubt: null), Assert.Single(gateway.Others));
    }

    [Theory]
    [InlineData(SecondKey, null)]
    [InlineData(ClientHarness.Secret, Gateway)]
    public async Task What_could_not_be_found_out_when_one_key_was_used_is_found_out_when_the_other_is(string key, string? endpoint)
    {
        await FindAsync(_harness.Session);
        KlingSession second = Open(key, endpoint);
        await FindAsync(second);
        Assert.Contains("no task is known", Assert.Single(second.Others).Doubt, StringComparison.Ordinal);
        KlingVideoTask bought = await _harness.Ledger.Tasks.BeginAsync(new TaskIntent { Account = second.Account, Spec = ClientHarness.Video, Identity = "second", Credits = 42 }, default);
        await _harness.Ledger.Tasks.AcceptAsync(bought.Id, "second-1");
        _harness.Tasks["second-1"] = Known;
        _harness.Clock.Advance(TimeSpan.FromHours(1));

        await FindAsync(_harness.Session);

        Assert.Empty(_harness.Session.Others);
        Assert.Equal(bought.Id, Assert.Single(await _harness.Ledger.Tasks.ListAsync(new TaskFilter { Account = _harness.Session.Account }, default)).Id);
    }

    [Theory]
    [InlineData("https://uploads.example/kieai/123456/klingps/fox.png", true, false)]
    [InlineData("https://files.gateway.example/kieai/123456/klingps/fox.png", false, true)]
    [InlineData("https://uploads.example/kieai/654321/klingps/fox.png", false, false)]
    public async Task The_number_of_an_account_counts_at_another_address_only_in_the_same_place(string upload, bool isSame, bool isInDoubt)
    {
        await FindAsync(_harness.Session);
        VideoSpec video = ClientHarness.Video with { Image = MediaSource.FromUri("https://uploads.example/kieai/123456/klingps/dog.png") with { Hash = new string('c', 64) } };
        KlingVideoTask old = await _harness.Ledger.Tasks.BeginAsync(new TaskIntent { Account = _harness.Session.Account, Spec = video, Identity = "old", Credits = 42 }, default);
        await _harness.Ledger.Tasks.AcceptAsync(old.Id, "old-1");
        _harness.Clock.Advance(TimeSpan.FromDays(70));
        KlingSession gateway = Open(SecondKey, Gateway);
        await FindAsync(gateway);
        Assert.NotNull(Assert.Single(gateway.Others).Doubt);

        await _harness.Clock.RunAsync(new AccountFinder(gateway, _harness.Observer).LearnAsync(upload, default));

        Assert.Equal((isSame, isInDoubt), (gateway.Account == _harness.Session.Account, gateway.Others.Any()));
        Assert.Equal(!isInDoubt, gateway.Standing.IsSettled);
    }

    [Fact]
    public async Task The_number_in_an_upload_tells_the_account_where_no_task_does()
    {
        await BoughtAsync(3, days: 70);
        await LearnAsync(_harness.Session, "123456");
        KlingSession same = Open();
        KlingSession other = Open("a-third-key-0123456789");
        await FindAsync(same);
        await FindAsync(other);

        await LearnAsync(other, "654321");
        Assert.Equal(other.Fingerprint, other.Account);
        Assert.Null(other.Others.Single(account => account.Account == _harness.Session.Account).Doubt);
        Assert.Empty(_harness.Observer.Warnings);

        await LearnAsync(same, "123456");
        Assert.Equal(_harness.Session.Account, same.Account);
        Assert.Contains("123456", Assert.Single(_harness.Observer.Warnings), StringComparison.Ordinal);
        Assert.Equal(3, (await _harness.Ledger.Tasks.ListAsync(new TaskFilter { Account = same.Fingerprint }, default)).Count);
    }

    [Fact]
    public async Task What_was_bought_before_the_question_was_settled_belongs_to_the_account_as_well()
    {
        await BoughtAsync(1);
        KlingSession session = Open();
        await FindAsync(session);
        Assert.False(session.Standing.IsSettled);
        VideoSpec video = ClientHarness.Video with { Prompt = "early" };
        KlingVideoTask early = await _harness.Ledger.Tasks.BeginAsync(new TaskIntent { Account = session.Account, Spec = video, Identity = video.GetIdentity(), Credits = 42 }, default);

        await FindAsync(_harness.Session);
        Assert.NotNull(Assert.Single(_harness.Session.Others).Doubt);

        _harness.Tasks["old-1"] = PipelineHarness.Generating;
        await FindAsync(Open());

        Assert.Equal(early.Id, (await _harness.Ledger.Tasks.FindEarlierAsync(_harness.Session.Account, video, default))?.Id);
    }
}
