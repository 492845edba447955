using System.Data.Common;
using System.Net;
using System.Security.Cryptography;
using KlingPS.Core.Ledger;
using KlingPS.Core.Ledger.Sqlite;
using KlingPS.Core.Model;
using KlingPS.Core.Resolving;
using KlingPS.Core.Saving;
using KlingPS.Core.Sessions;
using KlingPS.Core.Stages;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Ledger;
using KlingPS.Core.Tests.Stages;
using KlingPS.Core.Waiting;

namespace KlingPS.Core.Tests.Saving;

public sealed class VideoSaverTests : IAsyncDisposable
{
    private readonly PipelineHarness _harness = new();

    public ValueTask DisposeAsync() => _harness.DisposeAsync();

    private string Destination => Path.Combine(_harness.Folder, "videos");

    /// <summary>Saves a video while another download, which has begun before, gives it its name.</summary>
    private async Task<Outcome<TaskReference, SavedVideo>> SaveWhileAnotherDownloadEndsAsync(KlingVideoTask task, string target, byte[] video, Action? beforeEnd = null)
    {
        Directory.CreateDirectory(Destination);
        Task<Outcome<TaskReference, SavedVideo>> saving;
        await using (new FileStream(target + ".partial", FileMode.Create, FileAccess.ReadWrite, FileShare.None))
        {
            saving = SaveAsync(Saver(), task);
            await Eventually.TrueAsync(() => !_harness.Observer.Warnings.IsEmpty);
            beforeEnd?.Invoke();

            // As a download does: under its name, a video is never to be seen in part.
            await File.WriteAllBytesAsync(target + ".whole", video);
            File.Move(target + ".whole", target);
        }

        return await saving;
    }

    private VideoSaver Saver(bool overwrite = false, string template = NameTemplate.DefaultText, KlingSession? session = null)
        => new(session is null ? _harness.NewService() : new KlingService(session, null), new SaveOptions { Destination = Destination, Overwrite = overwrite, Template = NameTemplate.Parse(template) });

    private Task<Outcome<TaskReference, SavedVideo>> SaveAsync(VideoSaver saver, KlingVideoTask task)
        => _harness.Clock.RunAsync(saver.SaveAsync(new TaskReference { Task = task }, CancellationToken.None));

    private async Task<string> SavedAsync(VideoSaver saver, KlingVideoTask task)
    {
        Outcome<TaskReference, SavedVideo> outcome = await SaveAsync(saver, task);
        Assert.True(outcome.Error is null, outcome.Error?.ToString());
        Assert.Equal(_harness.Videos.ContentAt(new Uri(outcome.Value!.Task.ResultUri!)), await File.ReadAllBytesAsync(outcome.Value.Path));
        return Path.GetRelativePath(Destination, outcome.Value.Path);
    }

    private async Task<KlingException> FailsAsync(VideoSaver saver, KlingVideoTask task)
    {
        Outcome<TaskReference, SavedVideo> outcome = await SaveAsync(saver, task);
        Assert.Null(outcome.Value);
        return outcome.Error!;
    }

    private async Task<string?> RecordedAsync(KlingVideoTask task) => (await _harness.Ledger.Tasks.FindAsync(task.Id, CancellationToken.None))!.SavedPath;

    [Fact]
    public async Task A_video_is_called_after_its_image_and_recorded()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a", "/images/Füchsin.png");

        Assert.Equal("Füchsin.mp4", await SavedAsync(Saver(), task));

        Assert.Equal(Path.Combine(Destination, "Füchsin.mp4"), await RecordedAsync(task));
        Assert.Equal("https://videos.example/a.mp4", Assert.Single(_harness.Videos.Requests).RequestUri!.AbsoluteUri);
        Assert.Null(_harness.Videos.Requests[0].Headers.Authorization);
        Assert.True(_harness.Observer.Transfers.Last().IsOver);
    }

    [Fact]
    public async Task Videos_of_the_same_name_get_numbers_and_keep_them_in_the_next_run()
    {
        _harness.Videos.ContentOf = uri => TestMp4.Create(5000, uri.AbsolutePath.Length);
        KlingVideoTask first = await _harness.FinishedAsync("a", "/one/fox.png");
        KlingVideoTask second = await _harness.FinishedAsync("bb", "/two/fox.png");
        VideoSaver saver = Saver();
        Assert.Equal("fox.mp4", await SavedAsync(saver, first));
        Assert.Equal("fox-2.mp4", await SavedAsync(saver, second));

        VideoSaver next = Saver();
        Assert.Equal("fox-2.mp4", await SavedAsync(next, second));
        Assert.Equal("fox.mp4", await SavedAsync(next, first));

        Assert.Equal(2, _harness.Videos.Requests.Count);
    }

    [Fact]
    public async Task Servers_that_are_waited_for_hold_up_no_other_video()
    {
        var slow = new List<KlingVideoTask>();
        for (int number = 0; number < 4; number++)
        {
            slow.Add(await _harness.FinishedAsync($"slow{number}", $"/images/slow{number}.png"));
        }

        KlingVideoTask other = await _harness.FinishedAsync("other", "/images/other.png");
        _harness.Videos.Intercept = request => request.RequestUri!.AbsolutePath.Contains("slow", StringComparison.Ordinal)
            ? VideoServer.ApiResponse(HttpStatusCode.TooManyRequests, retryAfter: TimeSpan.FromMinutes(5))
            : null;
        VideoSaver saver = Saver();
        Task<Outcome<TaskReference, SavedVideo>>[] waiting = [.. slow.Select(task => saver.SaveAsync(new TaskReference { Task = task }, CancellationToken.None))];
        await Eventually.TrueAsync(() => _harness.Observer.Pauses.Count == 4);

        // The clock stands still, so none of the others goes on.
        Outcome<TaskReference, SavedVideo> saved = await Eventually.DoneAsync(saver.SaveAsync(new TaskReference { Task = other }, CancellationToken.None));

        Assert.Null(saved.Error);
        Assert.All(waiting, download => Assert.False(download.IsCompleted));
        _harness.Videos.Intercept = null;
        foreach (Task<Outcome<TaskReference, SavedVideo>> download in waiting)
        {
            Assert.Null((await _harness.Clock.RunAsync(download)).Error);
        }
    }

    [Fact]
    public async Task Videos_that_have_come_and_are_still_being_recorded_hold_up_no_other_video()
    {
        using var goOn = new ManualResetEventSlim();
        int held = 0;
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.RecordSavingAsync) && Interlocked.Increment(ref held) <= 4)
            {
                Assert.True(goOn.Wait(Eventually.Patience));
            }
        };
        VideoSaver saver = Saver();
        try
        {
            var first = new List<Task<Outcome<TaskReference, SavedVideo>>>();
            for (int number = 0; number < 4; number++)
            {
                KlingVideoTask task = await _harness.FinishedAsync($"first{number}", $"/images/first{number}.png");

                // Not on this thread: where nothing has to be waited for, it would be the one that is held.
                first.Add(Task.Run(() => saver.SaveAsync(new TaskReference { Task = task }, CancellationToken.None)));
            }

            await Eventually.TrueAsync(() => Volatile.Read(ref held) == 4);
            Assert.Equal("other.mp4", await SavedAsync(saver, await _harness.FinishedAsync("other", "/images/other.png")));

            Assert.All(first, save => Assert.False(save.IsCompleted));
            goOn.Set();
            Assert.All(await Task.WhenAll(first), save => Assert.Null(save.Error));
        }
        finally
        {
            goOn.Set();
        }
    }

    [Fact]
    public async Task A_video_that_another_download_has_just_given_its_name_is_taken_once_that_is_recorded()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a", "/images/fox.png");
        string target = Path.Combine(Destination, "fox.mp4");
        byte[] video = _harness.Videos.ContentAt(new Uri(task.ResultUri!));
        int looks = 0;

        // It is recorded between the first look at the ledger and the next.
        Outcome<TaskReference, SavedVideo> outcome = await SaveWhileAnotherDownloadEndsAsync(task, target, video, () => _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.FindCurrentAsync) && ++looks == 2)
            {
                string hash = Convert.ToHexStringLower(SHA256.HashData(video));
                Task.Run(() => _harness.Ledger.Tasks.RecordSavedAsync(task, target, hash)).GetAwaiter().GetResult();
            }
        });

        Assert.True(outcome.Error is null, outcome.Error?.ToString());
        Assert.Equal((target, true), (outcome.Value!.Path, outcome.Value.IsPresent));
        Assert.Equal(2, looks);
        Assert.Empty(_harness.Videos.Requests);
    }

    [Fact]
    public async Task A_video_that_another_download_has_just_given_its_name_is_taken_although_a_third_one_to_another_name_is_recorded_in_its_place()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a", "/images/fox.png");
        string target = Path.Combine(Destination, "fox.mp4");
        byte[] video = _harness.Videos.ContentAt(new Uri(task.ResultUri!));
        await _harness.Ledger.Tasks.RecordSavingAsync(task, Path.Combine(Destination, "owl.mp4"), Convert.ToHexStringLower(SHA256.HashData(video)));

        Outcome<TaskReference, SavedVideo> outcome = await SaveWhileAnotherDownloadEndsAsync(task, target, video);

        Assert.True(outcome.Error is null, outcome.Error?.ToString());
        Assert.Equal((target, true), (outcome.Value!.Path, outcome.Value.IsPresent));
        Assert.Equal(target, await RecordedAsync(task));
        Assert.Empty(_harness.Videos.Requests);
    }

    [Fact]
    public async Task A_video_that_another_command_has_saved_under_a_number_is_not_fetched_once_more_to_its_free_name()
    {
        KlingVideoTask first = await _harness.FinishedAsync("a", "/one/fox.png");
        KlingVideoTask second = await _harness.FinishedAsync("b", "/two/fox.png");
        VideoSaver other = Saver();
        File.Delete(Path.Combine(Destination, await SavedAsync(other, first)));
        Assert.Equal("fox-2.mp4", await SavedAsync(other, second));

        SavedVideo saved = await FetchAsync(Saver(), second);

        string path = Path.Combine(Destination, "fox-2.mp4");
        Assert.Equal((path, true, path), (saved.Path, saved.IsPresent, saved.Task.SavedPath));
        Assert.Equal(path, await RecordedAsync(second));
        Assert.Equal([path], Directory.GetFiles(Destination));
        Assert.Equal(2, _harness.Videos.Requests.Count);
    }

    [Fact]
    public async Task Videos_that_another_command_saves_under_each_other_s_names_are_not_fetched_once_more()
    {
        KlingVideoTask[] tasks = [await _harness.FinishedAsync("a", "/one/fox.png"), await _harness.FinishedAsync("b", "/two/fox.jpg")];
        string[] paths = [Path.Combine(Destination, "fox.mp4"), Path.Combine(Destination, "fox-2.mp4")];
        Directory.CreateDirectory(Destination);
        VideoSaver saver = Saver();
        Task<Outcome<TaskReference, SavedVideo>> second;
        OutputPath first;
        await using (new FileStream(paths[0] + ".partial", FileMode.Create, FileAccess.ReadWrite, FileShare.None))
        {
            second = SaveAsync(saver, tasks[1]);
            await Eventually.TrueAsync(() => _harness.Observer.Warnings.Count == 1);
            first = await saver.OutputPaths.ResolveAsync(
                saver.OutputPaths.ClaimName(VideoSaver.ValuesOf(tasks[0], 2)), VideoKey.FromTask(tasks[0]), tasks[0], CancellationToken.None);

            // The file that is waited for comes last, so nobody looks before everything is there.
            foreach (int i in new[] { 1, 0 })
            {
                byte[] video = _harness.Videos.ContentAt(new Uri(tasks[i].ResultUri!));
                await _harness.Ledger.Tasks.RecordSavedAsync(tasks[i], paths[i], Convert.ToHexStringLower(SHA256.HashData(video)));
                await File.WriteAllBytesAsync(paths[i] + ".whole", video);
                File.Move(paths[i] + ".whole", paths[i]);
            }
        }

        Outcome<TaskReference, SavedVideo> outcome = await second;
        SavedVideo saved = await _harness.Clock.RunAsync(saver.FetchAsync(tasks[0], first, CancellationToken.None));

        Assert.Equal(paths[1], first.Path);
        Assert.Equal((paths[0], paths[1]), (saved.Path, outcome.Value?.Path));
        Assert.Equal((paths[0], paths[1]), (await RecordedAsync(tasks[0]), await RecordedAsync(tasks[1])));
        Assert.Empty(_harness.Videos.Requests);
    }

    [Fact]
    public async Task A_video_is_saved_under_a_number_although_only_then_one_is_found_whose_name_differs_in_its_case()
    {
        KlingVideoTask present = await _harness.FinishedAsync("a", "/one/Fox.png");
        await SavedAsync(Saver(), present);
        present = (await _harness.Ledger.Tasks.FindAsync(present.Id, TestContext.Current.CancellationToken))!;
        string path = present.SavedPath!;
        KlingVideoTask next = await _harness.FinishedAsync("b", "/one/fox.jpg");
        VideoSaver saver = Saver();
        OutputPath chosen = await saver.OutputPaths.ResolveAsync(
            saver.OutputPaths.ClaimName(VideoSaver.ValuesOf(next, 1)), VideoKey.FromTask(next), next, CancellationToken.None);
        Assert.Equal(path, (await FetchAsync(saver, present)).Path);

        SavedVideo saved = await _harness.Clock.RunAsync(saver.FetchAsync(next, chosen, CancellationToken.None));

        Assert.NotEqual(path, saved.Path, StringComparer.OrdinalIgnoreCase);
        Assert.True(File.Exists(saved.Path));
        Assert.Equal(2, _harness.Videos.Requests.Count);
    }

    [Theory]
    [InlineData(nameof(ITaskJournal.RecordSavingAsync))]
    [InlineData(nameof(ITaskJournal.RecordSavedAsync))]
    public async Task A_video_whose_task_is_removed_while_it_is_fetched_is_whole_on_disk_and_the_error_says_where(string step)
    {
        KlingVideoTask task = await _harness.FinishedAsync("a", "/one/fox.png");
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == step)
            {
                _harness.Ledger.BeforeCall = null;
                _harness.Ledger.OfOtherProcess.Tasks.RemoveAsync(task).GetAwaiter().GetResult();
            }
        };

        Outcome<TaskReference, SavedVideo> outcome = await SaveAsync(Saver(), task);

        string path = Path.Combine(Destination, "fox.mp4");
        Assert.Equal(path, outcome.Value?.Path);
        Assert.Equal(_harness.Videos.ContentAt(new Uri(task.ResultUri!)), await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken));
        Assert.StartsWith($"The video of '/one/fox.png' is saved as '{path}', but task {task.Id} was removed", outcome.Error?.Message, StringComparison.Ordinal);
        Assert.Equal([path], Directory.GetFiles(Destination));
    }

    [Fact]
    public async Task A_video_whose_task_is_removed_while_its_file_is_found_is_reported_with_its_path()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a", "/one/fox.png");
        string path = Path.Combine(Destination, "fox.mp4");
        Directory.CreateDirectory(Destination);
        byte[] video = TestMp4.Create(5000);
        await File.WriteAllBytesAsync(path, video, TestContext.Current.CancellationToken);
        await _harness.Ledger.Tasks.RecordSavingAsync(task, path, Convert.ToHexStringLower(SHA256.HashData(video)));
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.RecordFoundAsync))
            {
                _harness.Ledger.BeforeCall = null;
                _harness.Ledger.OfOtherProcess.Tasks.RemoveAsync(task).GetAwaiter().GetResult();
            }
        };

        Outcome<TaskReference, SavedVideo> outcome = await SaveAsync(Saver(), task);

        Assert.Equal((path, true), (outcome.Value?.Path, outcome.Value?.IsPresent));
        Assert.StartsWith($"The video of '/one/fox.png' is saved as '{path}', but task {task.Id} was removed", outcome.Error?.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(nameof(ITaskJournal.RecordSavingAsync))]
    [InlineData(nameof(ITaskJournal.RecordSavedAsync))]
    [InlineData(nameof(ITaskJournal.RecordFoundAsync))]
    public async Task A_video_of_a_task_that_turns_out_to_be_that_of_an_attempt_while_it_is_saved_is_recorded_for_the_attempt(string step)
    {
        KlingVideoTask attempt = await _harness.BeganAsync("/one/fox.png");
        await _harness.Ledger.Tasks.LoseAsync(attempt.Id);
        var snapshot = new TaskSnapshot { TaskId = "a", State = KlingTaskState.Succeeded, ResultUris = ["https://videos.example/a.mp4"] };
        KlingVideoTask task = await _harness.Ledger.Tasks.RecordSnapshotAsync(_harness.Session.Account, snapshot);
        string path = Path.Combine(Destination, "a.mp4");
        bool isThere = step == nameof(ITaskJournal.RecordFoundAsync);
        if (isThere)
        {
            byte[] video = TestMp4.Create(5000);
            Directory.CreateDirectory(Destination);
            await File.WriteAllBytesAsync(path, video, TestContext.Current.CancellationToken);
            await _harness.Ledger.Tasks.RecordSavingAsync(task, path, Convert.ToHexStringLower(SHA256.HashData(video)));
        }

        _harness.Ledger.BeforeCall = name =>
        {
            if (name == step)
            {
                _harness.Ledger.BeforeCall = null;
                _harness.Ledger.OfOtherProcess.Tasks.ResolveAsync(attempt.Id, snapshot).GetAwaiter().GetResult();
            }
        };

        Outcome<TaskReference, SavedVideo> outcome = await SaveAsync(Saver(), task);

        Assert.Null(outcome.Error);
        Assert.Equal((path, attempt.Id), (outcome.Value!.Path, outcome.Value.Task.Id));
        Assert.Equal((attempt.Id, path), (Assert.Single(await _harness.ListAsync()).Id, (await _harness.ListAsync())[0].SavedPath));
        Assert.Equal(isThere ? 0 : 1, _harness.Videos.Requests.Count);
    }

    [Fact]
    public async Task A_video_that_was_saved_for_the_attempt_that_has_taken_over_its_record_is_not_fetched_again()
    {
        KlingVideoTask attempt = await _harness.BeganAsync("/one/fox.png");
        await _harness.Ledger.Tasks.LoseAsync(attempt.Id);
        var snapshot = new TaskSnapshot { TaskId = "a", State = KlingTaskState.Succeeded, ResultUris = ["https://videos.example/a.mp4"] };
        KlingVideoTask task = await _harness.Ledger.Tasks.RecordSnapshotAsync(_harness.Session.Account, snapshot);
        KlingVideoTask resolved = await _harness.Ledger.OfOtherProcess.Tasks.ResolveAsync(attempt.Id, snapshot);
        SavedVideo first = await FetchAsync(Saver(template: "{TaskId}"), resolved);

        SavedVideo second = await FetchAsync(Saver(template: "{TaskId}"), task);

        Assert.Equal((first.Path, true), (second.Path, second.IsPresent));
        Assert.Single(_harness.Videos.Requests);
        Assert.Single(Directory.GetFiles(Destination));
    }

    [Fact]
    public async Task A_video_is_not_recorded_for_another_task_that_has_its_number_since_the_ledger_was_put_back()
    {
        _harness.Videos.ContentOf = VideoOf;
        KlingVideoTask fox = await _harness.FinishedAsync("a", "/one/fox.png");
        KlingVideoTask? owl = null;
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.RecordSavingAsync))
            {
                _harness.Ledger.BeforeCall = null;
                PutBackAsync().GetAwaiter().GetResult();
                owl = _harness.FinishedAsync("bbbb", "/two/owl.png").GetAwaiter().GetResult();
            }
        };
        await FetchAsync(Saver(), fox);
        Assert.Equal(fox.Id, owl!.Id);

        SavedVideo saved = await FetchAsync(Saver(), owl);

        Assert.Equal(Path.Combine(Destination, "owl.mp4"), saved.Path);
        Assert.Equal(VideoOf(new Uri(owl.ResultUri!)), await File.ReadAllBytesAsync(saved.Path, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task The_video_of_another_machine_that_has_just_got_its_name_is_not_overwritten()
    {
        _harness.Videos.ContentOf = VideoOf;
        KlingVideoTask ours = await _harness.FinishedAsync("a", "/one/fox.png");
        KlingVideoTask theirs = await _harness.FinishedAsync("bbbb", "/two/fox.png");
        byte[] video = VideoOf(new Uri(theirs.ResultUri!));
        string path = await LeaveUnrecordedAsync(theirs, video);
        await using KlingSession west = _harness.OpenAtMachine("west");

        SavedVideo saved = await FetchAsync(Saver(overwrite: true, session: west), ours);

        Assert.Equal(video, await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken));
        Assert.NotEqual(path, saved.Path);
    }

    [Fact]
    public async Task The_video_that_another_machine_has_given_its_name_without_recording_that_is_recognized()
    {
        KlingVideoTask fox = await _harness.FinishedAsync("a", "/one/fox.png");
        string path = await LeaveUnrecordedAsync(fox, _harness.Videos.ContentAt(new Uri(fox.ResultUri!)));
        await using KlingSession west = _harness.OpenAtMachine("west");

        SavedVideo saved = await FetchAsync(Saver(session: west), fox);

        Assert.Equal((path, true), (saved.Path, saved.IsPresent));
        Assert.Empty(_harness.Videos.Requests);
    }

    private static byte[] VideoOf(Uri uri) => TestMp4.Create(5000, uri.AbsolutePath.Length);

    /// <summary>Gives a video the name of fox, as another machine does that ends before it can record that.</summary>
    private async Task<string> LeaveUnrecordedAsync(KlingVideoTask task, byte[] video)
    {
        string path = Path.Combine(Destination, "fox.mp4");
        await using KlingSession east = _harness.OpenAtMachine("east");
        Directory.CreateDirectory(Destination);
        await File.WriteAllBytesAsync(path, video, TestContext.Current.CancellationToken);
        await east.Ledger.Tasks.RecordSavingAsync(task, path, Convert.ToHexStringLower(SHA256.HashData(video)));
        return path;
    }

    /// <summary>Puts the ledger back to where it had no task, as a backup does that is restored.</summary>
    private async Task PutBackAsync()
    {
        await using DbConnection connection = SqliteProvider.Factory.CreateConnection()!;
        connection.ConnectionString = $"Data Source={_harness.Ledger.Location};Pooling=False";
        await connection.OpenAsync();
        await using DbCommand command = connection.CreateCommand();
        command.CommandText = "DELETE FROM tasks; UPDATE counters SET value = 0 WHERE name = 'task'";
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Saves the video of a task as a command does that has read the task before.</summary>
    private async Task<SavedVideo> FetchAsync(VideoSaver saver, KlingVideoTask task)
    {
        OutputPath output = await saver.OutputPaths.ResolveAsync(
            saver.OutputPaths.ClaimName(VideoSaver.ValuesOf(task, 1)), VideoKey.FromTask(task), task, CancellationToken.None);
        return await _harness.Clock.RunAsync(saver.FetchAsync(task, output, CancellationToken.None));
    }

    [Theory]
    [InlineData("fox-2.mp4", false, "fox-2.mp4")]
    [InlineData("elsewhere/owl.mp4", false, "fox.mp4")]
    [InlineData("fox.mp4", true, "fox.mp4")]
    public async Task A_video_that_another_command_saves_while_this_one_waits_for_its_file_is_not_fetched_once_more(string theirs, bool overwrite, string ours)
    {
        KlingVideoTask task = await _harness.FinishedAsync("a", "/images/fox.png");
        byte[] video = _harness.Videos.ContentAt(new Uri(task.ResultUri!));
        string target = Path.Combine(Destination, "fox.mp4");
        string path = Path.GetFullPath(Path.Combine(Destination, theirs));
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        Task<Outcome<TaskReference, SavedVideo>> saving;
        await using (new FileStream(target + ".partial", FileMode.Create, FileAccess.ReadWrite, FileShare.None))
        {
            saving = SaveAsync(Saver(overwrite), task);
            await Eventually.TrueAsync(() => !_harness.Observer.Warnings.IsEmpty);
            await File.WriteAllBytesAsync(path, video);
            await _harness.Ledger.Tasks.RecordSavedAsync(task, path, Convert.ToHexStringLower(SHA256.HashData(video)));
        }

        Outcome<TaskReference, SavedVideo> outcome = await saving;

        Assert.True(outcome.Error is null, outcome.Error?.ToString());
        Assert.Empty(_harness.Videos.Requests);
        Assert.Equal((Path.Combine(Destination, ours), ours == theirs), (outcome.Value!.Path, outcome.Value.IsPresent));
        Assert.Equal(outcome.Value.Path, await RecordedAsync(task));
        Assert.Equal([outcome.Value.Path], Directory.GetFiles(Destination));
    }

    [Fact]
    public async Task A_video_that_another_command_has_saved_and_the_user_has_marked_as_taken_elsewhere_keeps_the_mark_when_it_is_found()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        await SavedAsync(Saver(), task);
        KlingVideoTask taken = await _harness.Ledger.Tasks.RecordTakenAsync(task.Id, isTaken: true);

        SavedVideo saved = await FetchAsync(Saver(), task);

        Assert.True(saved.IsPresent);
        Assert.Equal(taken, saved.Task);
        Assert.Equal(taken, await _harness.Ledger.Tasks.FindAsync(task.Id, CancellationToken.None));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_video_that_was_taken_elsewhere_loses_that_mark_only_when_it_is_fetched(bool isThere)
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        await DieBeforeAsync(nameof(ITaskJournal.RecordSavedAsync), task);
        DateTimeOffset? takenAt = (await _harness.Ledger.Tasks.RecordTakenAsync(task.Id, isTaken: true)).TakenAt;
        string path = Path.Combine(Destination, "a.mp4");
        if (!isThere)
        {
            File.Delete(path);
        }

        Outcome<TaskReference, SavedVideo> outcome = await _harness.Clock.RunAsync(Saver().SaveAsync(new TaskReference { Id = task.Id }, CancellationToken.None));

        Assert.Equal((path, isThere), (outcome.Value!.Path, outcome.Value.IsPresent));
        Assert.Equal((path, isThere ? takenAt : null), (outcome.Value.Task.SavedPath, outcome.Value.Task.TakenAt));
    }

    [Fact]
    public async Task A_video_that_is_there_already_is_not_fetched_again()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        await SavedAsync(Saver(), task);

        await SavedAsync(Saver(), task);

        Assert.Single(_harness.Videos.Requests);
        Assert.Empty(_harness.Service.Requests);
    }

    [Fact]
    public async Task A_video_asked_for_under_another_name_is_copied_from_where_it_is()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        string earlier = Path.Combine(Destination, await SavedAsync(Saver(), task));

        Assert.Equal("copy.mp4", await SavedAsync(Saver(template: "copy"), task));

        Assert.Single(_harness.Videos.Requests);
        Assert.Empty(_harness.Service.Requests);
        Assert.True(File.Exists(earlier));
        Assert.Equal(Path.Combine(Destination, "copy.mp4"), await RecordedAsync(task));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("edited")]
    public async Task A_video_that_is_no_longer_where_it_was_saved_is_fetched_again(string? edited)
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        string earlier = Path.Combine(Destination, await SavedAsync(Saver(), task));
        File.Delete(earlier);
        if (edited is not null)
        {
            await File.WriteAllTextAsync(earlier, edited);
        }

        Assert.Equal("copy.mp4", await SavedAsync(Saver(template: "copy"), task));

        Assert.Equal(2, _harness.Videos.Requests.Count);
    }

    [Fact]
    public async Task A_file_that_changed_on_disk_is_replaced_only_by_force()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        string path = Path.Combine(Destination, await SavedAsync(Saver(), task));
        await File.WriteAllTextAsync(path, "edited");

        Assert.Equal(ErrorKind.FileExists, (await FailsAsync(Saver(), task)).Kind);
        Assert.Equal("edited", await File.ReadAllTextAsync(path));

        await SavedAsync(Saver(overwrite: true), task);
        Assert.Equal(2, _harness.Videos.Requests.Count);
    }

    [Fact]
    public async Task A_file_that_was_deleted_is_fetched_again()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        File.Delete(Path.Combine(Destination, await SavedAsync(Saver(), task)));

        await SavedAsync(Saver(), task);
    }

    [Fact]
    public async Task An_expired_link_is_renewed()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        _harness.Videos.Script.Enqueue(_ => VideoServer.ApiResponse(HttpStatusCode.Forbidden));
        _harness.Service.On(FakeService.RenewPath, Replies.Data("\"https://videos.example/fresh.mp4\""));

        await SavedAsync(Saver(), task);

        Assert.Equal("""{"url":"https://videos.example/a.mp4"}""", Assert.Single(_harness.Service.Requests).Text);
        Assert.Equal("https://videos.example/fresh.mp4", _harness.Videos.Requests[^1].RequestUri!.AbsoluteUri);
    }

    [Fact]
    public async Task An_expired_link_that_cannot_be_renewed_is_asked_for_anew()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        _harness.Videos.Script.Enqueue(_ => VideoServer.ApiResponse(HttpStatusCode.NotFound));
        _harness.Service.On(FakeService.RenewPath, Replies.Code(422, "url is wrong"));
        _harness.Tasks["a"] = Replies.Data("""{"taskId":"a","state":"success","resultJson":{"resultUrls":["https://elsewhere.example/a.mp4"]}}""");

        await SavedAsync(Saver(), task);

        Assert.Equal("https://elsewhere.example/a.mp4", _harness.Videos.Requests[^1].RequestUri!.AbsoluteUri);
    }

    [Theory]
    [InlineData("https://videos.example/fresh.mp4")]
    [InlineData("https://videos.example/a.mp4")]
    public async Task An_expired_link_whose_renewal_is_dead_as_well_is_asked_for_anew(string renewed)
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        _harness.Videos.Intercept = request => request.RequestUri!.Host == "videos.example" ? VideoServer.ApiResponse(HttpStatusCode.NotFound) : null;
        _harness.Service.On(FakeService.RenewPath, Replies.Data($"\"{renewed}\""));
        _harness.Tasks["a"] = Replies.Data("""{"taskId":"a","state":"success","resultJson":{"resultUrls":["https://elsewhere.example/a.mp4"]}}""");

        await SavedAsync(Saver(), task);

        Assert.Equal("https://elsewhere.example/a.mp4", Assert.Single(_harness.Videos.Requests).RequestUri!.AbsoluteUri);
    }

    [Theory]
    [InlineData(HttpStatusCode.NotFound)]
    [InlineData(HttpStatusCode.Forbidden)]
    public async Task The_link_of_a_video_that_was_made_a_moment_ago_may_not_work_yet(HttpStatusCode status)
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        for (int attempt = 0; attempt < 3; attempt++)
        {
            _harness.Videos.Script.Enqueue(_ => VideoServer.ApiResponse(status));
        }

        _harness.Service.On(FakeService.RenewPath, Replies.Code(422, "url is wrong"));
        _harness.Tasks["a"] = PipelineHarness.Succeeded("a");

        await SavedAsync(Saver(), task);

        Assert.Equal(4, _harness.Videos.Requests.Count);
    }

    [Fact]
    public async Task A_video_whose_link_does_not_come_to_work_is_not_said_to_be_gone_a_moment_after_it_was_made()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        _harness.Videos.Intercept = _ => VideoServer.ApiResponse(HttpStatusCode.NotFound);
        _harness.Service.On(FakeService.RenewPath, Replies.Code(422, "url is wrong"));
        _harness.Tasks["a"] = PipelineHarness.Succeeded("a");

        KlingException young = await FailsAsync(Saver(), task);
        _harness.Clock.Advance(TimeSpan.FromMinutes(6));
        KlingException old = await FailsAsync(Saver(), task);

        Assert.Contains("does not work yet: the server answered 404. It is paid for", young.Message, StringComparison.Ordinal);
        Assert.Contains("no longer works", old.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_link_that_stays_dead_is_an_error()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        _harness.Videos.Script.Enqueue(_ => VideoServer.ApiResponse(HttpStatusCode.Gone));
        _harness.Service.On(FakeService.RenewPath, Replies.Code(422, "url is wrong"));
        _harness.Tasks["a"] = PipelineHarness.Succeeded("a");

        Assert.Equal(ErrorKind.LinkExpired, (await FailsAsync(Saver(), task)).Kind);
        Assert.Null(await RecordedAsync(task));
    }

    [Fact]
    public async Task A_task_that_is_being_submitted_is_not_to_be_resolved()
    {
        KlingException error = await FailsAsync(Saver(), await _harness.BeganAsync("/images/a.png"));

        Assert.Equal(ErrorKind.AttemptUnknown, error.Kind);
        Assert.Contains("is being submitted", error.Message, StringComparison.Ordinal);
        Assert.StartsWith("Leave the command alone that submits it", error.Advice, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_task_that_has_finished_meanwhile_is_saved()
    {
        KlingVideoTask task = await _harness.AcceptedAsync("a");
        _harness.Tasks["a"] = PipelineHarness.Succeeded("a");

        Assert.Equal("a.mp4", await SavedAsync(Saver(), task));
    }

    [Fact]
    public async Task A_task_that_is_still_made_is_pending()
    {
        KlingVideoTask task = await _harness.AcceptedAsync("a");
        _harness.Tasks["a"] = PipelineHarness.Generating;

        Assert.Equal(ErrorKind.TaskPending, (await FailsAsync(Saver(), task)).Kind);
        Assert.Empty(_harness.Videos.Requests);
    }

    [Fact]
    public async Task A_video_of_another_machine_is_saved_under_its_image_s_name()
    {
        _harness.Tasks["foreign"] = Replies.Data(
            """{"taskId":"foreign","state":"success","resultJson":{"resultUrls":["https://videos.example/f.mp4"]},"param":{"input":{"image_url":"https://images.example/deep/b%C3%A4r.png?x=y"}}}""");

        Outcome<TaskReference, SavedVideo> outcome = await _harness.Clock.RunAsync(Saver().SaveAsync(new TaskReference { TaskId = "foreign" }, CancellationToken.None));

        Assert.Equal("bär.mp4", Path.GetFileName(outcome.Value!.Path));
    }

    [Fact]
    public async Task A_video_counts_as_saved_only_when_it_has_its_name()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        bool hasName = true;
        _harness.Ledger.BeforeCall = name =>
        {
            if (name is nameof(ITaskJournal.RecordSavedAsync) or nameof(ITaskJournal.RecordSavingAsync))
            {
                hasName = File.Exists(Path.Combine(Destination, "a.mp4"));
                Assert.Equal(name == nameof(ITaskJournal.RecordSavedAsync), hasName);
            }
        };

        await SavedAsync(Saver(), task);

        Assert.True(hasName);
    }

    [Theory]
    [InlineData("\"v1\"")]
    [InlineData(null)]
    public async Task A_video_whose_name_was_refused_is_not_saved_and_is_fetched_no_second_time(string? entityTag)
    {
        _harness.Videos.EntityTag = entityTag;
        KlingVideoTask task = await _harness.FinishedAsync("a");
        string path = Path.Combine(Destination, "a.mp4");
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == nameof(ITaskJournal.RecordSavingAsync))
            {
                File.WriteAllText(path, "somebody else's");
            }
        };
        Assert.Equal(ErrorKind.FileExists, (await FailsAsync(Saver(), task)).Kind);
        _harness.Ledger.BeforeCall = null;
        Assert.Equal([task.Id], await UnsavedAsync());
        Assert.Equal("somebody else's", await File.ReadAllTextAsync(path));

        File.Delete(path);
        Assert.Equal("a.mp4", await SavedAsync(Saver(), task));

        Assert.Empty(await UnsavedAsync());
        Assert.Single(_harness.Videos.Requests);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_whole_video_that_did_not_get_its_name_is_fetched_again_only_if_it_has_changed(bool hasChanged)
    {
        // The server says nothing by which it could be continued; and it ends with zeros, as what a power failure has left may.
        _harness.Videos.EntityTag = null;
        _harness.Videos.Content = [.. TestMp4.Create(5000), .. TestMp4.Box("free", new byte[2000])];
        KlingVideoTask task = await _harness.FinishedAsync("a");
        string path = Path.Combine(Destination, "a.mp4");
        await DieBeforeAsync(nameof(ITaskJournal.RecordSavingAsync), task);
        Assert.False(File.Exists(path));
        if (hasChanged)
        {
            byte[] part = await File.ReadAllBytesAsync(path + ".partial");
            part[3000] ^= 1;
            await File.WriteAllBytesAsync(path + ".partial", part);
        }

        Assert.Equal("a.mp4", await SavedAsync(Saver(), task));

        Assert.Equal(hasChanged ? 2 : 1, _harness.Videos.Requests.Count);
        Assert.Equal([path], Directory.GetFiles(Destination));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_video_that_got_its_name_but_no_record_is_found_where_it_is(bool overwrite)
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        await DieBeforeAsync(nameof(ITaskJournal.RecordSavedAsync), task);
        Assert.Equal([task.Id], await UnsavedAsync());

        Assert.Equal("a.mp4", await SavedAsync(Saver(overwrite), task));

        Assert.Empty(await UnsavedAsync());
        Assert.Equal(Path.Combine(Destination, "a.mp4"), await RecordedAsync(task));
        Assert.Single(_harness.Videos.Requests);
        Assert.Equal([Path.Combine(Destination, "a.mp4")], Directory.GetFiles(Destination));
    }

    [Fact]
    public async Task A_video_that_got_its_name_but_no_record_is_replaced_by_no_other_not_even_by_force()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a", "/images/fox.png");
        await DieBeforeAsync(nameof(ITaskJournal.RecordSavedAsync), task);
        byte[] video = await File.ReadAllBytesAsync(Path.Combine(Destination, "fox.mp4"));
        _harness.Videos.ContentOf = _ => TestMp4.Create(7000, 7);

        Assert.Equal("fox-2.mp4", await SavedAsync(Saver(overwrite: true), await _harness.FinishedAsync("b", "/images/fox.png")));

        Assert.Equal(video, await File.ReadAllBytesAsync(Path.Combine(Destination, "fox.mp4")));
    }

    [Fact]
    public async Task A_file_that_came_to_where_a_video_was_to_be_saved_is_not_taken_for_it()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        await DieBeforeAsync(nameof(ITaskJournal.RecordSavedAsync), task);
        await File.WriteAllTextAsync(Path.Combine(Destination, "a.mp4"), "edited");

        Assert.Equal(ErrorKind.FileExists, (await FailsAsync(Saver(), task)).Kind);

        Assert.Equal([task.Id], await UnsavedAsync());
    }

    /// <summary>Saves a video as a process does that is killed before it records something: that it gives the file its name, or that it has.</summary>
    private async Task DieBeforeAsync(string record, KlingVideoTask task)
    {
        _harness.Ledger.BeforeCall = name =>
        {
            if (name == record)
            {
                throw new KlingException(ErrorKind.LedgerUnusable, "killed");
            }
        };
        Assert.Equal(ErrorKind.LedgerUnusable, (await FailsAsync(Saver(), task)).Kind);
        _harness.Ledger.BeforeCall = null;
    }

    private async Task<IEnumerable<long>> UnsavedAsync()
        => (await _harness.Ledger.Tasks.ListAsync(new TaskFilter { Unsaved = true }, CancellationToken.None)).Select(task => task.Id);

    [Theory]
    [InlineData(KlingTaskState.Failed, ErrorKind.TaskFailed)]
    [InlineData(KlingTaskState.Rejected, ErrorKind.RequestInvalid)]
    [InlineData(KlingTaskState.Unknown, ErrorKind.AttemptUnknown)]
    public async Task A_task_without_a_video_is_reported_unless_it_was(KlingTaskState state, ErrorKind kind)
    {
        KlingVideoTask task = await _harness.BeganAsync("/images/fox.png");
        if (state == KlingTaskState.Failed)
        {
            await _harness.Ledger.Tasks.AcceptAsync(task.Id, "a");
            _harness.Tasks["a"] = PipelineHarness.Failed("500", "internal error");
        }
        else
        {
            task = state == KlingTaskState.Unknown
                ? await _harness.Ledger.Tasks.LoseAsync(task.Id, "lost")
                : await _harness.Ledger.Tasks.RejectAsync(task.Id, "422", "No.");
        }

        Assert.Equal(kind, (await FailsAsync(Saver(), task)).Kind);

        using var waiter = new WaitStage(_harness.NewService(isObserved: false), new WaitOptions());
        await waiter.PostAsync(new TaskReference { Task = task }, CancellationToken.None);
        Outcome<TaskReference, KlingVideoTask> waited = await _harness.Clock.RunAsync(waiter.Results.ReadAsync().AsTask());
        Assert.Equal(kind, waited.Error!.Kind);

        Outcome<TaskReference, SavedVideo> after = await SaveAsync(Saver(), waited.Value!);
        Assert.Equal((null, null), (after.Value, after.Error));
    }

    [Fact]
    public async Task A_link_that_is_none_is_an_error_of_the_service()
    {
        await _harness.AcceptedAsync("a");
        _harness.Tasks["a"] = Replies.Data("""{"state":"success","resultJson":{"resultUrls":["soon"]}}""");
        KlingVideoTask task = (await _harness.ListAsync())[0];

        Assert.Equal(ErrorKind.AnswerInvalid, (await FailsAsync(Saver(), task)).Kind);
    }

    [Fact]
    public async Task A_cancelled_save_leaves_no_video_and_no_record()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Saver().SaveAsync(new TaskReference { Task = task }, new CancellationToken(canceled: true)));

        Assert.False(File.Exists(Path.Combine(Destination, "a.mp4")));
        Assert.Null(await RecordedAsync(task));
        Assert.All(_harness.Observer.Transfers, transfer => Assert.True(transfer.IsOver));
    }

    [Theory]
    [InlineData("http://videos.example/a.mp4")]
    [InlineData("/k/a.mp4")]
    [InlineData("//videos.example/a.mp4")]
    [InlineData("http://127.0.0.1:8080/admin")]
    [InlineData("https://user:hidden@videos.example/a.mp4")]
    public async Task A_link_that_may_not_be_followed_is_asked_for_again_and_does_not_stick(string link)
    {
        // As an earlier version has recorded it.
        KlingVideoTask task = await RecordedAsync(link);
        _harness.Tasks["a"] = PipelineHarness.Succeeded("a");

        Assert.Equal("a.mp4", await SavedAsync(Saver(), task));

        Assert.Equal("https://videos.example/a.mp4", Assert.Single(_harness.Videos.Requests).RequestUri!.AbsoluteUri);
    }

    [Theory]
    [InlineData("http://videos.example/a.mp4", "the link to its video, http://videos.example/a.mp4, is not https")]
    [InlineData("https://192.168.1.1/a.mp4", "leads into a private network")]
    [InlineData("https://user:hidden@videos.example/a.mp4", "has a user name or password in it")]
    public async Task While_the_service_gives_no_other_link_the_error_says_that_the_video_is_paid_for(string link, string problem)
    {
        KlingVideoTask task = await RecordedAsync(link);
        _harness.Tasks["a"] = Replies.Data($$$"""{"taskId":"a","state":"success","resultJson":{"resultUrls":["{{{link}}}"]}}""");

        KlingException error = await FailsAsync(Saver(), task);

        Assert.Equal((ErrorKind.AnswerInvalid, false), (error.Kind, error.IsFatal));
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
        Assert.Contains("The video is paid for", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", error.ToString(), StringComparison.Ordinal);
        Assert.Empty(_harness.Videos.Requests);
    }

    [Fact]
    public async Task A_bad_link_in_an_answer_is_not_recorded_and_the_task_is_asked_for_again()
    {
        KlingVideoTask task = await _harness.AcceptedAsync("a");
        _harness.Tasks["a"] = Replies.Data("""{"taskId":"a","state":"success","resultJson":{"resultUrls":["http://videos.example/a.mp4"]}}""");
        KlingException error = await FailsAsync(Saver(), task);
        Assert.Equal(ErrorKind.AnswerInvalid, error.Kind);
        _harness.Tasks["a"] = PipelineHarness.Succeeded("a");

        Assert.Equal("a.mp4", await SavedAsync(Saver(), task));
    }

    [Fact]
    public async Task A_pause_that_a_download_host_asks_for_is_told_of_and_one_of_an_hour_is_not_cut_short()
    {
        KlingVideoTask task = await _harness.FinishedAsync("a");
        _harness.Videos.Script.Enqueue(_ => VideoServer.ApiResponse(HttpStatusCode.TooManyRequests, retryAfter: TimeSpan.FromMinutes(5)));
        _harness.Videos.Script.Enqueue(_ => VideoServer.ApiResponse(HttpStatusCode.TooManyRequests, retryAfter: TimeSpan.FromHours(1)));

        KlingException error = await FailsAsync(Saver(), task);

        Assert.InRange(Assert.Single(_harness.Observer.Pauses), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(6));
        Assert.Equal(ErrorKind.ServiceUnavailable, error.Kind);
        Assert.Contains("the server answered 429 and asks for a pause of 60 minutes, which is not waited for", error.Message, StringComparison.Ordinal);
        Assert.Equal(2, _harness.Videos.Requests.Count);
    }

    [Fact]
    public async Task A_second_video_of_a_task_is_told_of()
    {
        KlingVideoTask task = await _harness.AcceptedAsync("a");
        _harness.Tasks["a"] = Replies.Data("""{"taskId":"a","state":"success","resultJson":{"resultUrls":["https://videos.example/a.mp4","https://videos.example/b.mp4"]}}""");

        await SavedAsync(Saver(), task);

        Assert.Contains("names 2 videos", Assert.Single(_harness.Observer.Warnings), StringComparison.Ordinal);
    }

    /// <summary>A finished task whose link is recorded whatever it is.</summary>
    private async Task<KlingVideoTask> RecordedAsync(string link)
    {
        await _harness.AcceptedAsync("a");
        return await _harness.Ledger.Tasks.RecordSnapshotAsync(_harness.Session.Account, new TaskSnapshot { TaskId = "a", State = KlingTaskState.Succeeded, ResultUris = [link] });
    }
}
