using System.Collections.Concurrent;
using CsCheck;
using KlingPS.Core.Converting;
using KlingPS.Core.Model;
using KlingPS.Core.Saving;
using KlingPS.Core.Stages;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Ledger;
using KlingPS.Core.Tests.Saving;
using KlingPS.Core.Tests.Stages;
using KlingPS.Core.Tests.Submitting;

namespace KlingPS.Core.Tests.Converting;

/// <summary>Random lives of a folder: runs that are killed at any moment, a service that fails in every way, images that are renamed and videos that are deleted between the runs.</summary>
public sealed class ConversionModelTests
{
    private enum Fate
    {
        Fine,
        Busy,
        Refused,
        NoCredits,
        LostAndBought,
        LostAndNotBought,
        TaskFails,
        UploadBreaks,
        DownloadBreaks,
    }

    private enum Change
    {
        None,
        NewImage,
        CopyImage,
        RenameImage,
        DeleteVideo,
        DeleteAllVideos,
    }

    [Fact]
    public Task Whatever_happens_each_image_is_paid_for_once_and_ends_up_with_its_video()
        => Gen.Select(
            Gen.Select(Gen.Enum<Fate>().Array[0, 6], Gen.Int[0, 60], Gen.Enum<Change>().Array[0, 3], Gen.Int[1, 4]).Array[1, 4],
            Gen.Int[0, int.MaxValue - 1]).SampleAsync(
            async (runs, seed) =>
            {
                await using var life = new Life(seed);
                foreach ((Fate[] fates, int killAfter, Change[] changes, int limit) in runs)
                {
                    await life.RunAsync(fates, killAfter, limit);
                    foreach (Change change in changes)
                    {
                        life.Apply(change);
                    }
                }

                await life.EndAsync();
            },
            iter: 40,
            threads: 1);

    private sealed class Life : IAsyncDisposable
    {
        private static readonly string[] s_names = ["fox", "owl", "elk"];

        private readonly PipelineHarness _harness = new();
        private readonly Random _random;
        private readonly List<(string Path, uint Seed)> _images = [];
        private readonly ConcurrentDictionary<string, ConcurrentQueue<string>> _bought = new();
        private readonly ConcurrentDictionary<string, string> _lost = new();
        private readonly ConcurrentDictionary<string, bool> _failed = new();
        private ConcurrentQueue<Fate> _fates = new();
        private CancellationTokenSource? _stop;
        private int _untilKill;
        private int _lastTask;
        private int _lastFolder;

        /// <summary>Whether an image was renamed when its video was half there under the old name.</summary>
        private bool _hasOrphan;

        public Life(int seed)
        {
            _random = new Random(seed);
            _harness.Videos.ContentOf = VideoAt;
            _harness.Service
                .On(FakeService.CreatePath, CreateAsync)
                .On(FakeService.UploadPath, UploadAsync)
                .On(FakeService.RenewPath, Replies.Code(422, "url is wrong"));
            Apply(Change.NewImage);
            Apply(Change.NewImage);
        }

        private string Destination => Path.Combine(_harness.Folder, "videos");

        public ValueTask DisposeAsync() => _harness.DisposeAsync();

        private static byte[] VideoAt(Uri uri) => TestMp4.Create(3000, uri.AbsolutePath.Aggregate(17, (hash, character) => unchecked((hash * 31) + character)));

        /// <summary>A run in which the service does what it is told, and which is killed after some requests, unless there are none.</summary>
        public async Task<Outcome<ConversionItem, SavedVideo>[]?> RunAsync(Fate[] fates, int killAfter, int limit, bool retryFailed = false)
        {
            _fates = new ConcurrentQueue<Fate>(fates);
            _untilKill = killAfter == 0 ? int.MaxValue : killAfter;
            using var stop = new CancellationTokenSource();
            _stop = stop;
            try
            {
                using var converter = new VideoConverter(
                    _harness.NewService(),
                    new ConversionOptions { Save = new SaveOptions { Destination = Destination }, ThrottleLimit = limit, WritesSidecar = true });
                ConversionItem[] items = [.. _images.Select(image => converter.Accept(Submissions.FromFile(image.Path, "It moves.") with { RetryFailed = retryFailed })!)];
                return await _harness.Clock.RunAsync(Task.WhenAll(items.Select(item => Task.Run(() => converter.ConvertAsync(item, stop.Token)))));
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return null;
            }
            finally
            {
                _stop = null;
                AssertNothingIsPaidForTwice();
            }
        }

        public void Apply(Change change)
        {
            switch (change)
            {
                case Change.NewImage:
                    Add((uint)_images.Count * 3);
                    break;
                case Change.CopyImage:
                    Add(_images[_random.Next(_images.Count)].Seed);
                    break;
                case Change.RenameImage:
                    int renamed = _random.Next(_images.Count);
                    _hasOrphan |= Directory.Exists(Destination) && Directory.GetFiles(Destination, "*.partial*").Length > 0;
                    string path = NewPath();
                    Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                    File.Move(_images[renamed].Path, path);
                    _images[renamed] = (path, _images[renamed].Seed);
                    break;
                case Change.DeleteVideo or Change.DeleteAllVideos when Directory.Exists(Destination):
                    foreach (string video in Directory.GetFiles(Destination, "*.mp4").OrderBy(_ => _random.Next()).Take(change == Change.DeleteVideo ? 1 : int.MaxValue))
                    {
                        File.Delete(video);
                    }

                    break;
            }
        }

        /// <summary>The user settles what is open and tries what has failed again; then nothing may be missing.</summary>
        public async Task EndAsync()
        {
            await RunAsync([], killAfter: 0, limit: 4);
            foreach (KlingVideoTask unknown in (await _harness.ListAsync()).Where(task => task.TaskState == KlingTaskState.Unknown))
            {
                if (_lost.TryGetValue(unknown.SourceHash!, out string? taskId))
                {
                    await _harness.Ledger.Tasks.ResolveAsync(unknown.Id, new TaskSnapshot { TaskId = taskId, State = KlingTaskState.Waiting });
                }
                else
                {
                    await _harness.Ledger.Tasks.AbandonAsync(unknown.Id);
                }
            }

            Outcome<ConversionItem, SavedVideo>[] outcomes = (await RunAsync([], killAfter: 0, limit: 4, retryFailed: true))!;

            Assert.All(outcomes, outcome => Assert.True(outcome.Error is null, outcome.Error?.ToString()));
            Assert.All(
                outcomes.GroupBy(outcome => outcome.Value!.Path, StringComparer.OrdinalIgnoreCase),
                video => Assert.Single(video.Select(outcome => outcome.Value!.Task.Id).Distinct()));
            foreach (SavedVideo video in outcomes.Select(outcome => outcome.Value!))
            {
                Assert.Matches($"^{Path.GetFileNameWithoutExtension(video.SourcePath)}(-[0-9]+)*\\.mp4$", Path.GetFileName(video.Path));
                Assert.Equal(VideoAt(new Uri(video.Task.ResultUri!)), await File.ReadAllBytesAsync(video.Path));
                Assert.Contains(video.Task.TaskId, _bought[video.Task.SourceHash!]);
                Assert.True(File.Exists(video.Path + ".json"));
            }

            // Images that share a video may have begun it under another name.
            if (!_hasOrphan && outcomes.Select(outcome => outcome.Value!.Path).Distinct().Count() == outcomes.Length)
            {
                Assert.Empty(Directory.GetFiles(Destination, "*.partial*"));
            }

            Assert.Empty(Directory.GetFiles(Destination, ".*"));
            int sent = _harness.Service.Requests.Count + _harness.Videos.Requests.Count;

            // Of several copies of a video, images that share one may be told of any.
            Assert.Equal(
                outcomes.Select(NameOrCopy),
                (await RunAsync([], killAfter: 0, limit: 4))!.Select(NameOrCopy));
            Assert.Equal(sent, _harness.Service.Requests.Count + _harness.Videos.Requests.Count);
        }

        private string NameOrCopy(Outcome<ConversionItem, SavedVideo> outcome)
        {
            SavedVideo video = outcome.Value!;
            bool isShared = _images.Count(image => image.Seed == _images.Find(other => other.Path == video.SourcePath).Seed) > 1;
            return isShared ? video.Task.SavedHash! : video.Path;
        }

        private void AssertNothingIsPaidForTwice()
            => Assert.All(_bought.Values, tasks => Assert.True(tasks.Count(task => !_failed.ContainsKey(task)) <= 1, string.Join(", ", tasks)));

        private void Add(uint seed)
        {
            string path = NewPath();
            _harness.Image(Path.GetRelativePath(_harness.Folder, path), seed);
            _images.Add((path, seed));
        }

        /// <summary>Few names, so that many videos want the same one.</summary>
        private string NewPath() => Path.Combine(_harness.Folder, $"{++_lastFolder}", s_names[_random.Next(s_names.Length)] + ".png");

        /// <summary>Counts a request, and kills the run when enough have come.</summary>
        private void Count()
        {
            if (Interlocked.Decrement(ref _untilKill) == 0)
            {
                _ = _stop?.CancelAsync();
            }
        }

        private async Task<HttpResponseMessage> UploadAsync(SentRequest request, CancellationToken cancellationToken)
        {
            Count();
            if (_fates.TryPeek(out Fate fate) && fate == Fate.UploadBreaks && _fates.TryDequeue(out _))
            {
                throw new HttpRequestException(HttpRequestError.ConnectionError);
            }

            return await PipelineHarness.AcceptUpload(request, cancellationToken);
        }

        private async Task<HttpResponseMessage> CreateAsync(SentRequest request, CancellationToken cancellationToken)
        {
            Count();
            await request.ReadAsync(cancellationToken);
            Fate fate = _fates.TryDequeue(out Fate next) ? next : Fate.Fine;
            switch (fate)
            {
                case Fate.Busy:
                    return await Replies.Code(429, "Too often")(request, cancellationToken);
                case Fate.Refused:
                    return await Replies.Code(422, "No.")(request, cancellationToken);
                case Fate.NoCredits:
                    return await Replies.Code(402, "Credits insufficient")(request, cancellationToken);
                case Fate.LostAndNotBought:
                    throw new HttpRequestException(HttpRequestError.ResponseEnded);
            }

            string content = Path.GetFileNameWithoutExtension(new Uri(request.Json.GetProperty("input").GetProperty("image_url").GetString()!).AbsolutePath);
            string taskId = $"task-{Interlocked.Increment(ref _lastTask)}";
            _bought.GetOrAdd(content, _ => new ConcurrentQueue<string>()).Enqueue(taskId);
            int looks = 0;
            bool fails = fate == Fate.TaskFails;
            _harness.Tasks[taskId] = (query, token) =>
            {
                Count();
                if (Interlocked.Increment(ref looks) < 2)
                {
                    return PipelineHarness.Generating(query, token);
                }

                if (fails)
                {
                    _failed[taskId] = true;
                }

                return (fails ? PipelineHarness.Failed("501", "no video") : PipelineHarness.Succeeded(taskId))(query, token);
            };
            if (fate == Fate.LostAndBought)
            {
                _lost[content] = taskId;
                throw new HttpRequestException(HttpRequestError.ResponseEnded);
            }

            if (fate == Fate.DownloadBreaks)
            {
                lock (_harness.Videos.Requests)
                {
                    _harness.Videos.Cuts.Enqueue(1000);
                }
            }

            return await Replies.Accepts(taskId)(request, cancellationToken);
        }
    }
}
