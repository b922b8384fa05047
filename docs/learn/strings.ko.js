"use strict";
/** The page's words in Korean. `*…*` is emphasis, a pair of backquotes code, `{name}` a value. */
globalThis.learn = globalThis.learn ?? {};
learn.strings = learn.strings ?? {};

learn.strings.ko = {
  "title": "직접 만져 보는 비평자: gradpen",
  "heading": "직접 만져 보는 비평자",
  "lead":
    "바서슈타인 GAN(Wasserstein GAN)은 샘플을 만드는 생성자(generator)와, 평면의 점마다 점수를 매기는 비평자(critic)로 이루어집니다. 비평자는 데이터에는 높은 점수를, 샘플에는 낮은 점수를 줍니다. 둘 다 지금 이 브라우저에서 학습합니다. 한 비평자는 가중치 클리핑(weight clipping)으로, 다른 비평자는 그레이디언트 페널티(gradient penalty)로 제한합니다. 둘은 같은 가중치에서 출발해 같은 데이터를 봅니다.",
  "skip": "실험 화면으로 바로 가기",
  "language": "언어",
  "playground": "실험 화면",
  "settings": "설정",

  "scenes": "장면",
  "scene.eight": "그림 1a: 가우시안 8개",
  "scene.twenty-five": "가우시안 25개",
  "scene.roll": "스위스 롤",
  "scene.deep": "그림 1b: 은닉층 12개",
  "scene.players": "생성자도 학습",
  "scene.unconstrained": "제약 없는 비평자",

  "play": "재생",
  "pause": "일시정지",
  "step": "한 단계",
  "restart": "처음부터",
  "data": "데이터",
  "data.8gaussians": "가우시안 8개",
  "data.25gaussians": "가우시안 25개",
  "data.swissroll": "스위스 롤",
  "data.drawn": "직접 그리기",
  "pad": "그림판입니다. 화살표 키로 커서를 옮기고, 스페이스로 점을 찍고, 백스페이스로 마지막 점을 지웁니다.",
  "pad.hint": "여기에 그리거나, 화살표 키와 스페이스를 쓰세요",
  "clear": "그림 지우기",
  "drawing.placed": "찍은 점: {count}개",
  "generator": "생성자",
  "generator.fixed": "고정: 데이터 + 잡음",
  "generator.trained": "학습",
  "view": "비교",
  "view.both": "비평자 둘",
  "view.one": "비평자 하나",
  "colours": "색 눈금",
  "colours.own": "비평자마다 따로",
  "colours.shared": "둘이 같은 눈금",
  "seed": "난수 시드",
  "chance": "새로",
  "slider.criticSteps": "비평자 학습 횟수 (n_critic)",
  "slider.depth": "비평자의 은닉층 수",
  "slider.width": "층의 너비",
  "slider.batch": "배치 크기",
  "slider.clip": "클리핑 임곗값 c",
  "slider.weight": "페널티 계수 λ",
  "slider.criticRate": "학습률, 비평자",
  "slider.generatorRate": "학습률, 생성자",
  "constraint": "제약",
  "constraint.none": "제약 없음",
  "constraint.clipping": "가중치 클리핑",
  "constraint.penalty": "그레이디언트 페널티",
  "link-note": "이 설정은 페이지 주소에 모두 들어 있습니다. 같은 주소를 열면 같은 학습이 시작됩니다.",
  "frames": "초당 {n}프레임",
  "iteration": "{n}회 반복",

  "chart.gap": "바서슈타인 추정값 (격차)",
  "chart.slope": "보간점에서의 평균 기울기",
  "chart.layers": "층별 그레이디언트 크기",
  "chart.weights": "비평자의 가중치",
  "chart.nearness": "프레셰 거리",
  "at-bound": "({share} %가 ±c)",

  "says.untrained": "아직 학습하지 않았습니다. 가중치도 점수도 무작위입니다.",
  "says.above":
    "데이터의 점수가 샘플보다 평균 {gap} 높습니다. 비평자의 손실은 {loss}이고, 음수인 것이 정상입니다.",
  "says.below":
    "샘플의 점수가 데이터보다 평균 {loss} 높아서 비평자의 손실이 양수입니다. 아직 데이터를 찾지 못했거나, 샘플과 데이터를 구별하지 못합니다.",
  "says.scale.penalty": "기울기가 1이면 이 값이 바서슈타인 추정값입니다. 지금 기울기는 {slope}입니다.",
  "says.scale.clipping": "실제 거리에, 클리핑 때문에 알 수 없는 배수를 곱한 추정값입니다. 기울기는 {slope}입니다.",
  "says.scale.none": "기울기(지금 {slope})를 막는 것이 없으므로 아무것도 추정하지 못합니다.",
  "says.summits": "가우시안 8개 중 {n}개에 봉우리가 있습니다.",
  "surface.alternative":
    "비평자 점수의 등고선. {constraint}, {iteration}회 반복. 점수는 {low}부터 {high}까지. 바서슈타인 추정값 {gap}, 보간점에서의 평균 기울기 {slope}. 그레이디언트 크기는 첫 은닉층에서 {first}, 마지막 은닉층에서 {last}.",
  "key.real": "데이터",
  "key.fake": "생성자의 샘플",
  "key.arrows": "점수의 그레이디언트: 비평자가 샘플을 이끄는 방향. 길이는 그림 안에서 가장 긴 것에 대한 비율입니다",
  "reading":
    "그림 아래의 숫자를 먼저 보세요. 클리핑한 비평자의 점수 차이는 천분의 몇에 지나지 않고, 곡면은 매끈한 언덕 하나입니다. 데이터가 전체로 어디쯤 있는지만 압니다. 페널티를 준 비평자는 기울기가 1에 가깝고, 수백 번 반복하면 가우시안마다 봉우리가 생깁니다. *색 눈금을 같게* 하면 클리핑한 비평자는 한 가지 색으로만 보입니다. 두 비평자는 같은 가중치에서 출발해 같은 점을 봅니다. 몇 초 안에 볼 수 있도록 네트워크는 작게, 학습률은 논문보다 크게 잡았고, λ는 WGAN-GP 논문의 10 대신 2입니다.",

  "announce.playing": "{n}회 반복부터 학습을 계속합니다.",
  "announce.paused": "{n}회 반복에서 멈췄습니다.",
  "announce.stepped": "{n}회 반복. 마지막 비평자의 바서슈타인 추정값은 {gap}입니다.",
  "announce.restarted": "시드 {seed}로 처음부터 시작합니다.",
  "announce.scene": "{scene}.",

  "chapters": "짧은 글 여섯 편",

  "loss.title": "비평자의 손실이 뜻하는 것",
  "loss.1":
    "비평자는 점마다 점수를 매깁니다. 데이터에는 높은 점수를, 샘플에는 낮은 점수를 주도록 학습합니다. 손실은 샘플의 평균 점수에서 데이터의 평균 점수를 뺀 값이고, 학습은 이 값을 줄입니다. 그래서 제 할 일을 하는 비평자의 손실은 *음수*입니다. 로그에 −0.8이 찍혀도 잘못된 것이 아닙니다. 손실이 양수라면 비평자가 지금은 샘플을 데이터보다 높게 매기고 있다는 뜻입니다.",
  "loss.2":
    "부호를 바꾸면 *비평자 격차(critic gap)*, 곧 데이터의 평균 점수에서 샘플의 평균 점수를 뺀 값이 됩니다. 비평자의 기울기가 어디서도 1을 넘지 않는다고 합시다(1-립시츠, Lipschitz). 그러면 두 점의 점수 차이는 두 점 사이의 거리보다 클 수 없고, 격차는 샘플이 가장 좋은 길로 데이터까지 옮겨 가야 하는 평균 거리보다 클 수 없습니다. 가장 좋은 비평자는 이 값에 이릅니다. 이 값이 바서슈타인-1 거리이고, 그래서 격차를 *바서슈타인 추정값*이라고 부릅니다.",
  "loss.3":
    "페널티는 최소화하는 값에는 들어가지만 추정값에는 들어가지 않습니다. gradpen은 둘을 `critic_loss`와 `penalty`로 따로 기록합니다. 둘을 더해서 기록하는 코드라면, 격차 0.8에 페널티 0.1은 −0.7로 나타납니다.",
  "loss.4":
    "점수 하나만으로는 아무 뜻이 없습니다. 모든 점수에 100을 더해도 점수의 차이는 그대로입니다. 그래서 생성자의 손실, 곧 샘플의 평균 점수에 음의 부호를 붙인 값도 그 크기만으로는 아무것도 말해 주지 않습니다.",
  "loss.shift": "샘플의 위치",
  "loss.distance": "정확한 거리",
  "loss.gap": "비평자 격차",
  "loss.loss": "비평자 손실",
  "loss.alternative": "직선 위에서 본 비평자의 점수. 데이터는 0, 샘플은 {shift}에 있습니다. 비평자 격차 {gap}.",
  "loss.caption":
    "주황: 데이터. 회색: 샘플. 샘플을 옮겨 보세요. 비평자가 방향을 바꾸고 격차가 정확한 거리를 따라갑니다. 페널티는 느슨한 제약이라 격차가 거리보다 조금 크게 끝납니다. 반대편으로 한 번에 옮기면, 비평자가 알아차릴 때까지 손실이 양수입니다. 곡선은 0에서의 점수를 뺀 값입니다.",

  "clipping.title": "클리핑한 비평자는 왜 단순한가",
  "clipping.1":
    "가중치 클리핑은 비평자가 너무 가팔라지지 않게 하는 첫 번째 답이었습니다. 학습을 한 단계 할 때마다 모든 가중치를 [−c, c] 안으로 되돌립니다. 이렇게 하면 기울기에 한계가 생기지만, 그 한계가 얼마인지는 아무도 모릅니다. c와 너비와 깊이에 따라 달라집니다.",
  "clipping.2":
    "클리핑한 비평자는 데이터와 샘플의 점수를 되도록 크게 벌리려고 한계까지 가팔라집니다. 그래서 가중치가 −c와 c로 몰립니다. 위의 히스토그램에서 볼 수 있습니다. 이런 가중치로 만들 수 있는 함수는 많지 않습니다. 비평자는 데이터가 전체로 어디 있는지는 찾지만 세밀한 모양은 놓칩니다. 논문은 이것을 고차 모멘트(higher moments)라고 합니다.",
  "clipping.3":
    "층이 깊으면 더 나빠집니다. 한 층 거슬러 올라갈 때마다 그레이디언트에는 원소가 ±c 정도인 행렬이 곱해집니다. 부호가 무작위이고 유닛의 절반이 켜져 있다면, 너비가 n일 때 길이는 약 c√(n/2)배가 됩니다. c = 0.01, n = 64이면 0.057배이고, 열한 층을 지나면 거의 남지 않습니다. c가 √(2/n)보다 몇 배 크면 거꾸로 폭발합니다. 모든 깊이와 너비에 맞는 c는 없습니다.",
  "clipping.4":
    "그레이디언트 페널티는 데이터와 샘플 사이의 점에서 기울기가 1에 가깝기를 요구할 뿐, 가중치는 자유롭게 둡니다. 그래서 그레이디언트는 마지막 층에서 떠날 때와 비슷한 크기로 첫 층에 닿습니다.",
  "clipping.train": "둘 다 150단계 학습",
  "clipping.says":
    "{steps}단계 학습 후. 한 층 거슬러 올라갈 때마다 클리핑한 비평자의 그레이디언트는 {clipped}배(부호가 무작위일 때 {expected}배), 페널티를 준 비평자는 {penalised}배가 됩니다. 클리핑한 비평자의 첫 층은 마지막 층의 {total}배를 받습니다.",
  "clipping.caption":
    "각 은닉층에서 손실의 그레이디언트 크기. 1이 첫 층입니다. 주황: 가중치를 c로 클리핑. 파랑: 같은 가중치에서 출발해 페널티로 학습. 스위스 롤, 너비 64.",

  "batchnorm.title": "페널티를 쓸 때 배치 정규화를 쓰지 않는 이유",
  "batchnorm.1":
    "배치 정규화(batch norm)는 네트워크 안의 값을, 배치 평균에서 배치 표준편차의 몇 배만큼 떨어져 있는지로 바꿉니다. 그러면 점수는 더 이상 점 하나의 함수가 아닙니다. 우연히 같은 배치에 들어온 다른 모든 점에 따라 달라집니다.",
  "batchnorm.2":
    "그레이디언트 페널티는 점 하나의 함수에 대한 것입니다. x̂ 하나하나에서 D의 기울기가 1이어야 합니다. 배치 정규화를 쓰면 그런 함수가 없습니다. 코드가 미분하는 것은 모든 점수의 합이므로, 한 점에서의 그레이디언트에는 그 점이 다른 점들의 점수를 바꾸는 몫까지 섞입니다. 페널티가 무언가를 당기기는 하지만, 이론에서 말하는 기울기가 아닙니다.",
  "batchnorm.3":
    "층 정규화(layer norm)는 한 예제 안의 값들로 평균과 표준편차를 구하므로, 점수는 여전히 그 점만의 함수입니다. 비평자에 정규화가 필요하면 논문은 이것을 권하고, 정규화를 아예 쓰지 않아도 됩니다. 생성자는 기울기를 재지 않으므로 배치 정규화를 써도 됩니다. gradpen은 페널티를 쓰는 비평자에 배치 정규화가 있으면 거부하고, 어느 층인지 알려 줍니다.",
  "batchnorm.norm": "비평자의 정규화",
  "batchnorm.norm.none": "없음",
  "batchnorm.norm.batch": "배치 정규화",
  "batchnorm.norm.layer": "층 정규화",
  "batchnorm.place": "점 A의 위치",
  "batchnorm.moves":
    "점 B는 움직이지 않았는데 점수가 바뀝니다. A가 {x}에 있을 때 {score}. A를 끝에서 끝까지 옮기면 B의 점수가 {range}만큼 달라집니다.",
  "batchnorm.rests": "A가 어디에 있든 점 B의 점수는 {score}입니다. A를 옮겨도 달라지는 폭은 {range}입니다.",
  "batchnorm.caption":
    "점 A의 위치에 따른 점 B의 점수. 둘은 점 네 개짜리 같은 배치에 있고 A만 움직입니다. 비평자는 너비 16인 은닉층 두 개의 무작위 네트워크입니다.",

  "balance.title": "두 네트워크의 균형, 문제와 처방",
  "balance.1":
    "바서슈타인 GAN에서는 비평자가 앞서 있어야 합니다. 비평자가 최적에 가까울 때만 격차가 거리를 추정하고, 그때만 그레이디언트가 샘플을 데이터로 이끕니다. 두 논문 모두 생성자를 한 번 학습할 때 비평자를 다섯 번 학습하는 것은 이 때문입니다. 판별자(discriminator)는 너무 잘하면 생성자에게 갈 그레이디언트가 사라지지만, 비평자는 잘해도 그렇지 않습니다.",
  "balance.2":
    "문제는 대개 셋 중 하나입니다. *비평자가 제한되지 않을 때:* 기울기가 크고, 격차는 뜻 없는 큰 수가 됩니다. *비평자를 너무 조이거나 비평자가 따라가지 못할 때:* 기울기가 0에 가깝거나, 샘플이 데이터에서 먼데도 격차가 0 근처입니다. *생성자가 할 수 없을 때:* 비평자는 정상인데 격차가 줄지 않습니다.",
  "balance.3":
    "그러니 기울기를 먼저 보세요. 기울기가 정상이면 격차가 얼마이고 줄어드는지를 봅니다. 그다음에 샘플을, 또는 학습에 쓰지 않은 데이터와 샘플의 거리를 봅니다. `gradpen diagnose RUN`은 정해진 규칙으로 이렇게 읽고, 무엇을 바꿀지 명령으로 알려 줍니다.",
  "trouble": "이 학습에 한 일",
  "trouble.no-penalty": "페널티를 뺐음",
  "trouble.clip-small": "0.001로 클리핑",
  "trouble.clip-large": "1로 클리핑",
  "trouble.rate-high": "학습률 0.1",
  "trouble.fast-generator": "너무 빠른 생성자",
  "trouble.one-latent": "숫자 하나뿐인 잠재 변수",
  "symptom.no-penalty":
    "기울기가 백만을 넘고, 격차는 아주 큰 음수와 양수를 오갑니다. 샘플은 정상 학습의 세 배쯤 되는 거리에서 더 가까워지지 않습니다.",
  "symptom.clip-small":
    "기울기와 격차가 백만분의 몇 이하입니다. 비평자가 평평해서 생성자가 받는 그레이디언트도 그만큼 작습니다.",
  "symptom.clip-large": "한계가 너무 넓어서 어떤 가중치도 닿지 않습니다. 아무 제약이 없는 비평자의 곡선입니다.",
  "symptom.rate-high":
    "몇 단계 만에 가중치가 엄청나게 커집니다. 기울기는 천을 넘은 채 머물고, 격차는 음수이며, 샘플은 학습 전보다 데이터에서 더 멉니다.",
  "symptom.fast-generator":
    "기울기는 정상이지만, 샘플이 데이터에서 먼데도 격차가 0 근처입니다. 비평자가 늘 늦어서 그 그레이디언트는 아무 데로도 이끌지 못합니다.",
  "symptom.one-latent":
    "비평자는 정상이고 기울기는 1에 가깝습니다. 그런데 격차가 정상 학습에서는 1인데 여기서는 3 근처에 머뭅니다. 샘플이 곡선 하나 위에 있어 데이터의 많은 부분을 빠뜨리기 때문입니다. 모드 붕괴(mode collapse)의 한 가지입니다.",
  "remedy.no-penalty": "비평자를 제한하세요: `constraint=gradient-penalty`, `constraint.weight=10`.",
  "remedy.clip-small": "덜 조이거나(`constraint.threshold=0.01`), 이런 선택이 필요 없는 그레이디언트 페널티를 쓰세요.",
  "remedy.clip-large": "0.01로 클리핑하거나 그레이디언트 페널티를 쓰세요: `constraint=gradient-penalty`.",
  "remedy.rate-high":
    "두 학습률을 모두 낮추세요. `generator_optimizer.learning_rate=0.0001`과 `critic_optimizer.learning_rate=0.0001`이 WGAN-GP 논문의 값입니다.",
  "remedy.fast-generator": "비평자를 더 자주 학습하고(`critic_steps=5`), 생성자는 더 느리게 하세요.",
  "remedy.one-latent": "잠재 변수의 차원을 늘리세요: `generator.latent_dim=64`.",
  "balance.symptom": "보이는 것",
  "balance.verdict": "gradpen diagnose의 판정",
  "balance.remedy": "바꿀 것",
  "balance.alternative": "반복에 따른 {curve}. {run}. 회색은 정상 학습입니다.",
  "balance.caption":
    "작은 숫자 이미지로 WGAN-GP를 600회씩 학습한 기록입니다. 주황: 문제가 있는 학습. 회색: 정상 학습. 프레셰 거리(Fréchet distance)는 샘플의 특징을 학습에 쓰지 않은 숫자 이미지와 비교합니다. 기울기와 거리의 눈금은 10의 거듭제곱입니다.",

  "conditional.title": "조건부 샘플",
  "conditional.1":
    "조건부 GAN(conditional GAN)에는 원하는 것을 말할 수 있습니다. 두 네트워크 모두 레이블 y를 받습니다. 생성자는 G(z, y)를 만들고, 비평자는 D(x, y)를 매깁니다. 그래서 비평자는 좋은 샘플이라도 레이블이 틀리면 낮은 점수를 줄 수 있습니다. 여기서 레이블은 여덟 가우시안의 번호이고, 하나만 1인 입력 여덟 개로 넣습니다.",
  "conditional.2":
    "틀리기 쉬운 것이 세 가지 있습니다. 비평자가 보는 샘플의 레이블은 나란히 놓인 데이터의 레이블과 같아야 합니다. 그래야 레이블만 보고 샘플을 가려낼 수 없습니다. 보간점(interpolates)에서는 점만 섞고 레이블은 그대로 둡니다. 그리고 페널티의 그레이디언트는 점에 대해서만 구합니다. 레이블은 따라 움직일 수 있는 것이 아니기 때문입니다.",
  "conditional.3":
    "재생을 누른 다음 레이블 하나를 골라 보세요. 레이블마다 같은 잠재 벡터 64개를 쓰므로, 달라지는 것은 레이블의 몫입니다. gradpen에서는 `gradpen train photos/ --labels folders --conditional`이 조건부 학습이고, `gradpen sample RUN --labels all`이 레이블마다 한 줄씩 그립니다. 레이블을 바꿔도 아무것도 달라지지 않으면 `gradpen diagnose`가 `condition ignored`라고 알려 줍니다.",
  "label": "원하는 레이블",
  "label.all": "모두",
  "label.1": "1",
  "label.2": "2",
  "label.3": "3",
  "label.4": "4",
  "label.5": "5",
  "label.6": "6",
  "label.7": "7",
  "label.8": "8",
  "conditional.says": "{n}회 반복: 샘플의 {share} %가 레이블이 말하는 곳에서 0.3 안에 있습니다.",
  "conditional.caption":
    "원: 여덟 가우시안과 그 레이블. 점: 샘플. 색은 요청한 레이블입니다. WGAN-GP, 비평자 2회, λ = 0.1.",

  "report.title": "gradpen 보고서 읽는 법",
  "report.1":
    "gradpen은 학습할 때마다 `report.html` 페이지를 씁니다. 맨 앞에 판정이 있고, 다음에 곡선과 그 숫자의 뜻을 설명하는 문장, 시간에 따른 샘플이 이어집니다. 아래 그림은 작은 숫자 이미지로 WGAN-GP를 정상 학습한 기록에서 여섯 곡선 가운데 넷을 보여 줍니다. 하나를 고르고 표시선을 옮겨 보세요.",
  "report.2":
    "*비평자 격차:* 학습 데이터에서, 그리고 학습에 쓰지 않은 데이터에서. 둘이 벌어지면 비평자가 학습 데이터를 외우고 있는 것입니다. *평균 기울기:* 페널티를 쓰면 1 근처. 훨씬 크면 비평자가 제한되지 않은 것입니다. *프레셰 거리:* 샘플에서 학습에 쓰지 않은 데이터까지, 특징 공간에서 잽니다. 작을수록 가깝고, 이 값으로 가장 좋은 체크포인트를 고릅니다. *그레이디언트 크기:* 10의 거듭제곱만 중요합니다. 생성자의 그레이디언트가 사라지면 생성자는 아무것도 배우지 못합니다.",
  "report.3":
    "격차가 그대로라고 해서 실패는 아닙니다. 생성자가 나아지는 만큼 비평자도 나아질 수 있습니다. 학습은 기울기와 격차의 흐름으로 판단하고, 샘플은 거리와 눈으로 판단하세요.",
  "report.panel": "곡선",
  "report.panel.gap": "비평자 격차",
  "report.panel.slope": "평균 기울기",
  "report.panel.nearness": "프레셰 거리",
  "report.panel.norms": "그레이디언트 크기",
  "report.mark": "반복",
  "report.says.gap":
    "{n}회 반복: 격차는 학습 데이터에서 {first}(파랑), 학습에 쓰지 않은 데이터에서 {second}(주황)입니다. 비평자의 손실은 약 {loss}로, 정상적인 음수입니다.",
  "report.says.slope": "{n}회 반복: 데이터와 샘플 사이의 평균 기울기는 {first}입니다. 페널티는 1을 요구합니다.",
  "report.says.nearness":
    "{n}회 반복: 샘플은 특징 공간에서 학습에 쓰지 않은 숫자 이미지로부터 {first}만큼 떨어져 있습니다. 작을수록 가깝습니다. 눈금은 10의 거듭제곱입니다.",
  "report.says.norms":
    "{n}회 반복: 그레이디언트의 크기는 비평자 가중치에 대해 {first}(파랑), 생성자 가중치에 대해 {second}(주황)입니다. 어느 쪽도 사라지거나 폭발하지 않습니다.",
  "report.caption": "gradpen으로 기록한 학습: 프리셋 `wgan-gp-digits`로 `gradpen train`, 600회 반복.",

  "sources":
    "Arjovsky, Chintala, Bottou, Wasserstein GAN (2017, arXiv 1701.07875)과 Gulrajani, Ahmed, Arjovsky, Dumoulin, Courville, Improved Training of Wasserstein GANs (2017, arXiv 1704.00028)의 그림 1a와 1b를 따랐습니다. 네트워크와 그 미분, 페널티의 미분은 자바스크립트로 손수 썼고 PyTorch와 맞춰 검증했습니다. 다른 곳에서 불러오는 것도, 이 페이지 밖으로 나가는 것도 없습니다.",
};
