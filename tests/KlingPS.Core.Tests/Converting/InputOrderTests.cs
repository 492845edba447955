using CsCheck;
using KlingPS.Core.Converting;
using KlingPS.Core.Model;
using KlingPS.Core.Saving;
using KlingPS.Core.Stages;
using KlingPS.Core.Submitting;
using KlingPS.Core.Tests.Api;
using KlingPS.Core.Tests.Saving;
using KlingPS.Core.Tests.Stages;
using KlingPS.Core.Tests.Submitting;

namespace KlingPS.Core.Tests.Converting;

/// <summary>What a limit leaves room for goes to the images that came first, whichever were read, uploaded or answered first.</summary>
public sealed class InputOrderTests
{
    private const decimal Price = 42;

    /// <summary>What becomes of the purchase of an image.</summary>
    private enum Fate
    {
        Fine,
        Refused,
        NoImage,
    }

    [Fact]
    public Task The_limit_of_a_run_is_spent_on_the_first_images_of_the_input_whichever_are_ready_first()
        => Gen.Select(Gen.Enum<Fate>().Array[1, 9], Gen.Int[0, 6], Gen.Bool, Gen.Int[1, 4], Gen.Int[0, int.MaxValue - 1]).SampleAsync(
            async (fates, room, isInTasks, throttle, seed) =>
            {
                var random = new Random(seed);
                await using var harness = new PipelineHarness { Makes = PipelineHarness.Succeeded };
                harness.Videos.ContentOf = uri => TestMp4.Create(3000, uri.AbsolutePath.Length);
                harness.Service
                    .On(FakeService.UploadPath, UploadAsync)
                    .On(FakeService.CreatePath, CreateAsync);
                Submission[] submissions = [.. fates.Select((fate, index) => Submissions.FromFile(ImageOf(harness, fate, index), fate.ToString()) with
                {
                    RunId = "run",
                    Budget = new BudgetLimit { RunId = "run", MaxCredits = isInTasks ? null : room * Price, MaxTasks = isInTasks ? room : null },
                })];
                using var converter = new VideoConverter(harness.NewService(), new ConversionOptions
                {
                    Save = new SaveOptions { Destination = Path.Combine(harness.Folder, "videos") },
                    ThrottleLimit = random.Next(2) == 0 ? null : throttle,
                });
                ConversionItem[] items = [.. submissions.Select(submission => converter.Accept(submission)!)];
                ConversionItem[] shuffled = [.. items];
                random.Shuffle(shuffled);

                Outcome<ConversionItem, SavedVideo>[] outcomes = await harness.Clock.RunAsync(Task.WhenAll(shuffled.Select(item => Task.Run(() => converter.ConvertAsync(item, CancellationToken.None)))));

                string?[] expected = Expect(fates, room);
                string?[] actual = [.. items.Select(item => outcomes.Single(outcome => outcome.Item == item).Error?.Kind.ToString())];
                Assert.Equal(expected, actual);

                async Task<HttpResponseMessage> UploadAsync(SentRequest request, CancellationToken token)
                {
                    await DawdleAsync();
                    return await PipelineHarness.AcceptUpload(request, token);
                }

                async Task<HttpResponseMessage> CreateAsync(SentRequest request, CancellationToken token)
                {
                    await request.ReadAsync(token);
                    await DawdleAsync();
                    return await (request.Text.Contains(nameof(Fate.Refused), StringComparison.Ordinal) ? Replies.Code(422, "No.") : harness.AcceptTask)(request, token);
                }

                async Task DawdleAsync()
                {
                    for (int turns = Random.Shared.Next(3); turns > 0; turns--)
                    {
                        await Task.Yield();
                    }
                }
            },
            iter: 20,
            threads: 1);

    private static string ImageOf(PipelineHarness harness, Fate fate, int index)
    {
        string path = harness.Image($"{index}.png", (uint)index);
        if (fate == Fate.NoImage)
        {
            File.WriteAllText(path, "No image.");
        }

        return path;
    }

    /// <summary>What a person would reckon: one image after the other, as long as there is room.</summary>
    private static string?[] Expect(Fate[] fates, int room)
    {
        int left = room;
        return [.. fates.Select(fate => fate switch
        {
            Fate.NoImage => nameof(ErrorKind.ImageUnsupported),
            _ when left == 0 => nameof(ErrorKind.BudgetExceeded),
            Fate.Refused => nameof(ErrorKind.RequestInvalid),
            _ when left-- > 0 => null,
            _ => throw new InvalidOperationException(),
        })];
    }
}
