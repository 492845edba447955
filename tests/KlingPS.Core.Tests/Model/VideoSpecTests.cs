using KlingPS.Core.Model;

namespace KlingPS.Core.Tests.Model;

public sealed class VideoSpecTests
{
    private static readonly VideoSpec s_remote = new() { Prompt = "A fox runs.", Image = MediaSource.FromUri("https://images.example/fox.png") };
    private static readonly VideoSpec s_local = s_remote with { Image = File("aa") };

    private static MediaSource File(string hash) => MediaSource.FromFile("/images/fox.png") with { Hash = hash };

    [Fact]
    public void The_first_take_is_the_video_that_was_known_before_there_were_takes()
    {
        // From a ledger of the first version: a change here would buy everything again.
        VideoSpec spec = s_local with { TailImage = File("bb") };
        Assert.Equal("28f5e1fa2fcffa1b30e2e5a5d9e68c69e0432131e1e99c25b3bba71c1cc04ece", spec.GetIdentity());
        Assert.Equal(spec.GetIdentity(), (spec with { Take = 1 }).GetIdentity());
    }

    [Fact]
    public void What_was_asked_for_with_every_parameter_is_the_same_video_to_later_versions()
    {
        VideoSpec spec = s_local with
        {
            Model = "kling/v2-1-pro",
            NegativePrompt = "blur",
            Duration = 10,
            CfgScale = 0.7m,
            AspectRatio = "9:16",
            Resolution = "4K",
            Sound = true,
            CharacterOrientation = "image",
            TailImage = File("bb"),
            ReferenceImages = new([File("cc"), MediaSource.FromUri("https://images.example/d.png")]),
            Video = MediaSource.FromUri("https://clips.example/fox.mp4?X-Amz-Date=20261126T000000Z&X-Amz-Signature=a") with { Hash = "dd" },
            Audio = File("ee"),
            Take = 2,
        };

        // Its own identity, then those under which versions before may have recorded it. A change here would buy everything again.
        Assert.Equal(
            [
                "3bf0d6a9987849858b967b03f7d950ca858d9f844df9c6edade99d90c6d35fca",
                "5eb2b7a1d2be962291eca19e285bc3c54bcf4dd5b6151186f72967d82efdb5ff",
                "273d4a5f31621819158a95cc97cb7eefa12b3a5837db44070bc5f28cba7717e7",
            ],
            spec.ListIdentities());
    }

    [Fact]
    public void Every_difference_makes_another_video()
    {
        string[] identities =
        [
            s_remote.GetIdentity(),
            s_local.GetIdentity(),
            (s_remote with { TailImage = File("aa") }).GetIdentity(),
            (s_local with { Take = 2 }).GetIdentity(),
            (s_local with { Take = 3 }).GetIdentity(),
            (s_local with { Prompt = "A fox runs. " }).GetIdentity(),
            (s_local with { NegativePrompt = "" }).GetIdentity(),
            (s_local with { NegativePrompt = "2" }).GetIdentity(),
            (s_local with { Duration = 10 }).GetIdentity(),
            (s_local with { CfgScale = 0.6m }).GetIdentity(),
            (s_local with { Model = "kling/v2-1-pro" }).GetIdentity(),
            (s_local with { AspectRatio = "1:1" }).GetIdentity(),
            (s_local with { AspectRatio = "9:16" }).GetIdentity(),
            (s_local with { Resolution = "1080p" }).GetIdentity(),
            (s_local with { Resolution = "720p" }).GetIdentity(),
            (s_local with { Sound = true }).GetIdentity(),
            (s_local with { CharacterOrientation = "image" }).GetIdentity(),
            (s_local with { ReferenceImages = new([File("aa")]) }).GetIdentity(),
            (s_local with { ReferenceImages = new([File("aa"), File("bb")]) }).GetIdentity(),
            (s_local with { ReferenceImages = new([File("bb"), File("aa")]) }).GetIdentity(),
            (s_local with { Video = File("aa") }).GetIdentity(),
            (s_local with { Video = File("bb") }).GetIdentity(),
            (s_local with { Audio = File("aa") }).GetIdentity(),
            (s_local with { Audio = File("bb") }).GetIdentity(),
        ];

        Assert.Equal(identities.Length, identities.Distinct().Count());
    }

    [Fact]
    public void What_is_left_out_is_the_default_and_neither_address_nor_callback_of_a_local_image_counts()
    {
        Assert.Equal(s_local.GetIdentity(), (s_local with { Duration = 5, CfgScale = 0.5m }).GetIdentity());
        Assert.Equal(
            s_local.GetIdentity(),
            (s_local with { Image = s_local.Image! with { Uri = "https://elsewhere.example/" }, CallbackUri = "https://callback.example/" }).GetIdentity());
    }

    [Theory]
    [InlineData("kling-3.0/video", "1080p", "16:9")]
    [InlineData("kling-3.0-omni/text-to-video", "720p", "16:9")]
    [InlineData("kling-2.6/text-to-video", null, "1:1")]
    public void The_default_of_a_model_is_the_same_video_whether_it_is_asked_for_or_not(string model, string? resolution, string? ratio)
    {
        VideoSpec spec = new() { Model = model, Prompt = "A fox runs." };

        Assert.Equal(spec.GetIdentity(), (spec with { Resolution = resolution, AspectRatio = ratio, Duration = 5, Name = "fox" }).GetIdentity());
        Assert.NotEqual(spec.GetIdentity(), (spec with { AspectRatio = "9:16" }).GetIdentity());
    }

    [Theory]
    [InlineData("A fox runs.", "A fox runs.")]
    [InlineData("  A fox\r\n\truns.\n", "A fox runs.")]
    [InlineData("A red fox runs over the wide frozen lake while the sun goes down behind the hills", "A red fox runs over the wide frozen lake while the sun goes")]
    public void A_video_without_an_image_is_called_after_the_beginning_of_its_prompt(string prompt, string title)
        => Assert.Equal(title, new VideoSpec { Prompt = prompt }.Subject);

    [Fact]
    public void A_long_word_is_cut_between_characters()
        => Assert.Equal(string.Concat(Enumerable.Repeat("🦊", 29)) + "x", new VideoSpec { Prompt = "x" + string.Concat(Enumerable.Repeat("🦊", 60)) }.Subject is { Length: 59 } title ? title[1..] + "x" : "not cut");

    [Fact]
    public void A_local_image_that_has_not_been_read_has_no_identity_that_its_address_could_stand_in_for()
    {
        VideoSpec spec = s_remote with { Image = MediaSource.FromFile("/images/fox.png") with { Uri = "https://uploads.example/fox.png" } };

        Assert.Contains("/images/fox.png", Assert.Throws<InvalidOperationException>(spec.GetIdentity).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_task_whose_image_the_service_does_not_tell_has_an_identity_and_is_called_after_its_prompt()
    {
        VideoSpec spec = s_remote with { Image = null };

        Assert.Equal("48c76e511e96109ee16434f10da795dadca7bc5ae9e5bb2fe454fe89be4273a0", spec.GetIdentity());
        Assert.Equal("A fox runs.", spec.Subject);
    }

    [Fact]
    public void A_link_that_is_signed_anew_leads_to_the_same_video_and_what_was_recorded_under_it_is_known()
    {
        VideoSpec first = SignedOn("20261126");
        VideoSpec second = SignedOn("20261127");

        Assert.Equal(first.GetIdentity(), second.GetIdentity());
        Assert.NotEqual(first.GetIdentity(), (second with { Video = MediaSource.FromUri("https://clips.example/owl.mp4") }).GetIdentity());

        // As an earlier version recorded it.
        Assert.Equal([first.GetIdentity(), "a5d67921f39802870c3e1793bc5c05a51c0f083a01bcdac0ca57236faee66805"], first.ListIdentities());
        Assert.Equal([s_remote.GetIdentity()], s_remote.ListIdentities());
        Assert.Equal([s_local.GetIdentity()], s_local.ListIdentities());

        static VideoSpec SignedOn(string day) => s_local with { Video = MediaSource.FromUri($"https://clips.example/fox.mp4?X-Amz-Date={day}T000000Z&X-Amz-Signature=a{day}") };
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("\u200B")]
    public void A_text_of_nothing_visible_is_none_where_there_may_be_none(string prompt)
    {
        VideoSpec spec = s_local with { Model = "kling-3.0/motion-control", Prompt = null };

        Assert.Equal(spec, (spec with { Prompt = prompt, NegativePrompt = prompt }).Normalized());
        Assert.Equal(string.Empty, (s_local with { Prompt = prompt }).Normalized().Prompt);
    }

    [Fact]
    public void An_image_that_was_uploaded_from_a_file_counts_by_its_address()
    {
        VideoSpec spec = s_remote with { Image = MediaSource.FromUri("https://images.example/fox.png", uploadedFrom: "/images/fox.png") };

        Assert.Equal(s_remote.GetIdentity(), spec.GetIdentity());
        Assert.Equal("/images/fox.png", spec.Subject);
    }

    public static TheoryData<object, string> Differences => new()
    {
        { s_remote with { Prompt = "A fox sleeps." }, "its prompt is different" },
        { s_remote with { Image = MediaSource.FromUri("https://images.example/owl.png") }, "its image is different" },
        { s_remote with { Image = null }, "its image is different" },
        { s_remote with { TailImage = MediaSource.FromUri("https://images.example/owl.png") }, "its tail image is different" },
        { s_remote with { Model = "kling/v2-1-pro" }, "its model is kling/v2-1-pro" },
        { s_remote with { Duration = 10 }, "it is 10 seconds long" },
        { s_remote with { NegativePrompt = "blur" }, "its negative prompt is different" },
        { s_remote with { CfgScale = 0.4m }, "its CFG scale is different" },
        { s_remote with { AspectRatio = "1:1" }, "its aspect ratio is 1:1" },
        { s_remote with { Resolution = "4K" }, "its resolution is 4K" },
        { s_remote with { Sound = true }, "it has sound" },
        { s_remote with { CharacterOrientation = "image" }, "its character orientation is different" },
        { s_remote with { ReferenceImages = new([s_remote.Image!]) }, "its reference images are different" },
        { s_remote with { Video = s_remote.Image }, "the video that it is made from is different" },
        { s_remote with { Audio = s_remote.Image }, "its audio is different" },
    };

    [Theory]
    [MemberData(nameof(Differences))]
    public void A_difference_from_what_the_service_was_asked_for_is_named(object other, string difference)
        => Assert.Equal([difference], s_remote.FindDifferences((VideoSpec)other));

    [Fact]
    public void Defaults_that_the_service_fills_in_are_no_difference()
    {
        Assert.Empty(s_remote.FindDifferences(s_remote with { Duration = 5, CfgScale = 0.50m, CallbackUri = "https://callback.example/" }));
        Assert.Empty((s_local with { Image = s_local.Image! with { Uri = s_remote.Image!.Uri }, Take = 2 }).FindDifferences(s_remote));
    }

    [Fact]
    public void A_prompt_gives_one_name_however_it_is_spelled()
    {
        string prompt = string.Concat(Enumerable.Repeat("E\u0301te\u0301 ", 20));

        Assert.Equal((s_remote with { Image = null, Prompt = prompt }).Normalized().Title, (s_remote with { Image = null, Prompt = "\uFEFF\r\n" + prompt }).Title);
    }

    [Theory]
    [InlineData("A fox\nruns.", "https://a.example/fox.png", null)]
    [InlineData(" a FOX  runs", "https://a.example/fox.png?signature=2", null)]
    [InlineData("A fox", "https://elsewhere.example/1.png", null)]
    [InlineData("", "", null)]
    [InlineData(null, "what", null)]
    [InlineData("A f&#111;x runs&hellip;", null, null)]
    [InlineData("A cat runs.", null, "its prompt is different")]
    [InlineData(null, "https://A.example/cat.png", "its image is different")]
    public void What_a_service_may_have_reshaped_does_not_contradict_what_was_asked_for(string? prompt, string? image, string? contradiction)
    {
        var asked = new VideoSpec { Prompt = "A fox runs.", Image = MediaSource.FromUri("https://a.example/fox.png"), Duration = 5 };
        var told = new VideoSpec { Prompt = prompt, Image = image is null ? null : MediaSource.FromUri(image) };

        Assert.Equal(contradiction is null ? [] : [contradiction], asked.FindContradictions(told));
        Assert.Equal(["it is 10 seconds long"], asked.FindContradictions(asked with { Duration = 10 }));
    }

    [Fact]
    public void A_video_is_called_by_its_name_before_what_it_is_made_from_and_after_the_image_before_the_video_and_the_audio()
    {
        MediaSource video = MediaSource.FromUri("https://images.example/fox.mp4");
        MediaSource audio = MediaSource.FromUri("https://images.example/fox.mp3");
        VideoSpec spec = s_remote with { Video = video, Audio = audio };

        Assert.Equal(["A fox", "https://images.example/fox.png", "https://images.example/fox.mp4", "https://images.example/fox.mp3", "A fox runs."], ((VideoSpec[])
        [
            spec with { Name = "A fox" },
            spec,
            spec with { Image = null },
            spec with { Image = null, Video = null },
            spec with { Image = null, Video = null, Audio = null },
        ]).Select(one => one.Subject));
        Assert.Equal(("A fox", null), ((spec with { Name = "A fox" }).Title, (spec with { Name = "A fox" }).NamedAfter));
        Assert.Equal(("A fox runs.", "https://images.example/fox.png"), (spec.Title, spec.NamedAfter));
        Assert.Null((spec with { Image = null, Video = null, Audio = null }).NamedAfter);
    }

    [Fact]
    public void Everything_that_a_video_is_made_from_is_listed_in_one_order()
    {
        MediaSource[] sources = [.. Enumerable.Range(0, 6).Select(number => MediaSource.FromUri($"https://images.example/{number}"))];
        VideoSpec spec = s_remote with { Image = sources[0], TailImage = sources[1], ReferenceImages = new([sources[2], sources[3]]), Video = sources[4], Audio = sources[5] };

        Assert.Equal(
            [
                (VideoParameter.Image, sources[0]), (VideoParameter.TailImage, sources[1]), (VideoParameter.ReferenceImages, sources[2]),
                (VideoParameter.ReferenceImages, sources[3]), (VideoParameter.Video, sources[4]), (VideoParameter.Audio, sources[5]),
            ],
            spec.Sources);

        // The same file may be there for several ends.
        Assert.Equal(3, (s_remote with { TailImage = s_remote.Image, Video = s_remote.Image }).Sources.Count());
        Assert.Empty((s_remote with { Image = null }).Sources);
    }

    [Fact]
    public void What_is_the_default_of_the_model_anyway_is_left_out()
    {
        VideoSpec plain = s_remote with { Model = "kling-3.0/video" };

        Assert.Equal(plain, (plain with { Duration = 5, CfgScale = 0.5m, AspectRatio = "16:9", Resolution = "1080p", CharacterOrientation = "video" }).WithoutDefaults());
        VideoSpec other = plain with { Duration = 10, CfgScale = 0.6m, AspectRatio = "1:1", Resolution = "720p", CharacterOrientation = "image" };
        Assert.Equal(other, other.WithoutDefaults());
    }

    [Fact]
    public void A_text_that_was_not_told_stays_untold_and_a_negative_prompt_without_a_character_is_none()
    {
        Assert.Null((s_remote with { Prompt = null }).Normalized().Prompt);
        Assert.Equal((string.Empty, null), ((s_remote with { Prompt = " " }).Normalized().Prompt, (s_remote with { NegativePrompt = " \n" }).Normalized().NegativePrompt));
        Assert.Equal("blur", (s_remote with { NegativePrompt = " blur" }).Normalized().NegativePrompt);
    }

    [Fact]
    public void A_video_is_looked_for_with_the_files_as_they_are_now_at_the_same_places()
    {
        MediaSource now = File("bb");
        VideoSpec recorded = s_local with { Image = MediaSource.FromFile("/images/fox.png"), TailImage = MediaSource.FromUri("https://images.example/tail.png") };

        Assert.Equal(recorded with { Image = now }, recorded.WithFilesOf(s_local with { Image = now, TailImage = File("cc") }, (mine, others) => mine == others));
        Assert.Null(recorded.WithFilesOf(s_local with { Image = now }, (_, _) => false));
        Assert.Null(recorded.WithFilesOf(s_remote, (_, _) => true));
        Assert.Null((recorded with { TailImage = MediaSource.FromFile("/images/tail.png") }).WithFilesOf(s_local with { Image = now }, (_, _) => true));
    }

    [Fact]
    public void What_the_service_does_not_have_of_it_is_told_as_such()
    {
        VideoSpec video = s_remote with { Model = "kling-3.0/video", Sound = true };

        Assert.Equal(["it has no sound"], video.FindDifferences(video with { Sound = false }));
        Assert.Equal(
            ["its image is different", "its aspect ratio is that of its image"],
            (video with { Image = null }).FindDifferences(video));
        Assert.Equal(["its character orientation is different"], (video with { CharacterOrientation = "image" }).FindDifferences(video));
        Assert.Empty((video with { CharacterOrientation = "video" }).FindDifferences(video));
        Assert.Equal(["its prompt is different"], video.FindDifferences(video with { Prompt = null }));
        Assert.Empty((video with { Prompt = null }).FindDifferences(video with { Prompt = string.Empty }));
        Assert.Equal(["its resolution is different"], (s_remote with { Resolution = "720p" }).FindDifferences(s_remote));
    }

    [Theory]
    [InlineData("image")]
    [InlineData("tail image")]
    [InlineData("video")]
    [InlineData("audio")]
    public void A_file_that_lies_elsewhere_on_the_same_host_contradicts_what_was_asked_for(string what)
    {
        MediaSource other = MediaSource.FromUri("https://images.example/owl.png");
        VideoSpec asked = s_remote with { TailImage = s_remote.Image, Video = s_remote.Image, Audio = s_remote.Image };
        VideoSpec told = what switch
        {
            "image" => asked with { Image = other },
            "tail image" => asked with { TailImage = other },
            "video" => asked with { Video = other },
            _ => asked with { Audio = other },
        };

        Assert.Equal([$"its {what} is different"], asked.FindContradictions(told));
    }

    [Theory]
    [InlineData(60, 0, 60)]
    [InlineData(61, 0, 60)]
    [InlineData(58, 1, 60)]
    [InlineData(59, 1, 59)]
    [InlineData(31, 40, 31)]
    [InlineData(30, 40, 60)]
    public void A_name_from_a_prompt_ends_with_a_word_that_fits_unless_that_would_leave_less_than_half(int first, int second, int length)
        => Assert.Equal(length, new VideoSpec { Prompt = $"{new string('x', first)} {new string('y', second)}" }.Title.Length);
}
